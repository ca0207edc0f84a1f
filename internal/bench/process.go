package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a peer as a process of its own, so that each has its own memory
// and scheduler.
type server struct {
	name    string
	address string        // host:port
	ready   time.Duration // from the start of the process to its listening
	cmd     *exec.Cmd
}

var listening = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// startTimeout is how long a server may take until it prints its address.
const startTimeout = 30 * time.Second

// spawn starts a server and waits until its output names its address.
func spawn(ctx context.Context, name string, env []string, argv ...string) (*server, error) {
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // a fixed list of peers; stop ends them
	cmd.Env = append(os.Environ(), env...)
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	begun := time.Now() //nolint:forbidigo // a benchmark measures wall time
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), out.Close(), w.Close())
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	found := make(chan string, 1)
	go func() {
		var said strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if u := listening.FindString(lines.Text()); u != "" && strings.Contains(lines.Text(), "listening") {
				select {
				case found <- u:
				default:
				}
			}
		}
		select {
		case found <- said.String():
		default:
		}
	}()
	s := &server{name: name, cmd: cmd}
	timeout, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	answer := "no address after " + startTimeout.String()
	select {
	case answer = <-found:
	case <-timeout.Done():
	}
	s.ready = time.Since(begun)
	var ok bool
	if s.address, ok = strings.CutPrefix(answer, "http://"); !ok {
		s.stop()
		return nil, fmt.Errorf("start %s: %s", name, answer)
	}
	return s, nil
}

// stop ends the process we started and waits for it.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// rss is the resident memory in MiB, from /proc.
func (s *server) rss() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		return 0, errors.New("read VmRSS: not in /proc")
	}
	kb, err := strconv.ParseFloat(string(m[1]), 64)
	return kb / 1024, err
}

// cpu is the processor time used so far, user and system, from /proc (clock
// ticks of 10 ms, as on every Linux that Go supports).
func (s *server) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, errors.New("read cpu time: unexpected /proc/PID/stat")
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// settle waits until the server has done what it put off and returns the
// processor time used so far.
func (s *server) settle(ctx context.Context) (time.Duration, error) {
	const calm = 200 * time.Millisecond
	for before := time.Duration(-1); ; {
		now, err := s.cpu()
		if err != nil || now == before {
			return now, err
		}
		before = now
		if err := pause(ctx, calm); err != nil {
			return 0, err
		}
	}
}
