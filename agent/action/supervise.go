package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sys/unix"
)

// Files that the supervisor inherits.
const (
	fdLock = 3
	fdEnv  = 4
)

// drainDelay is how long the output is read on after the command has ended,
// when something that it left behind holds the pipe open.
const drainDelay = 2 * time.Second

// Supervise is the whole life of a supervisor: the command SupervisorCommand
// calls it with its one argument, the journal's directory, and exits with what
// it returns. It is not for people to call.
func Supervise(dir string) int {
	// The death signal of the command and a private mount namespace belong to
	// a thread, so everything happens on this one.
	runtime.LockOSThread()
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT)
	if err := supervise(journal(dir)); err != nil {
		fmt.Fprintf(os.Stderr, "%s %s: %v\n", SupervisorCommand, dir, err)
		return 1
	}
	return 0
}

func supervise(j journal) error {
	var st unix.Stat_t
	if err := unix.Fstat(fdLock, &st); err != nil {
		return fmt.Errorf("started without a lock: %w", err)
	}
	unix.CloseOnExec(fdLock) // else the command would hold it for as long as it lives
	unix.CloseOnExec(fdEnv)
	clock := clockwork.NewRealClock()

	data, err := os.ReadFile(j.file(fileSpec)) //nolint:gosec // from the App that started us, or from who could write it anyway
	if err != nil {
		return err
	}
	var s spec
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read spec: %w", err)
	}
	env := map[string]string{}
	pipe := os.NewFile(fdEnv, "environment")
	if err := json.NewDecoder(pipe).Decode(&env); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	pipe.Close()

	res := execute(j, s, env, clock)
	res.EndedAt = clock.Now().UTC()
	// A full disk may empty again; until then our lock says that we are here.
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, time.Minute) {
		if err = j.writeJSON(fileOutcome, res); err == nil {
			return nil
		}
		fmt.Fprintf(os.Stderr, "write outcome: %v\n", err)
		clock.Sleep(pause)
	}
}

// execute runs the command. Everything that fails before the file "started"
// exists is NotStarted.
func execute(j journal, s spec, env map[string]string, clock clockwork.Clock) Result {
	notStarted := func(err error) Result {
		return Result{State: NotStarted, ExitCode: -1, Reason: err.Error()}
	}
	if err := adoptOrphans(); err != nil {
		return notStarted(err)
	}
	if err := pin(j, s); err != nil {
		return notStarted(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)

	out := newCapture(s.OutputLimit, secrets(env))
	cmd := exec.Command(s.Argv[0], s.Argv[1:]...) //nolint:gosec,noctx // vetted; the deadline is ours, because a context kills one process only
	cmd.Dir = s.Dir
	cmd.Env = []string{}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = drainDelay
	cmd.SysProcAttr = attributes(s.Account)
	if err := j.write(fileStarted, []byte(clock.Now().UTC().Format(time.RFC3339Nano)+"\n")); err != nil {
		return notStarted(err)
	}
	begun := clock.Now().UTC()
	if err := cmd.Start(); err != nil {
		return notStarted(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	timer := clock.NewTimer(s.Timeout)
	defer timer.Stop()

	var (
		err    error
		killed Result // why we ended it; State "" when we did not
	)
	select {
	case err = <-ended:
	case <-timer.Chan():
		killed = Result{State: TimedOut, Reason: fmt.Sprintf("still running after %s", s.Timeout)}
	case sig := <-stop:
		killed = Result{State: Failed, Reason: fmt.Sprintf("its supervisor was told to stop (%s)", sig)}
	}
	// Also after a good end: what is left behind would act on when the step has
	// been judged and the next one tried.
	late := make(chan struct{}) // closed when the grace is over
	defer clock.AfterFunc(s.Grace, func() { close(late) }).Stop()
	if killed.State != "" {
		err = endTree(cmd.Process.Pid, ended, late, clock)
	}
	endOrphans(cmd.Process.Pid, late, clock)
	res := conclude(cmd.ProcessState, err)
	if killed.State != "" {
		res.State, res.Reason = killed.State, killed.Reason
	}
	res.StartedAt = begun
	res.Output, res.Dropped = out.close()
	return res
}

// conclude reads how the command ended by itself.
func conclude(ps *os.ProcessState, err error) Result {
	if ps == nil {
		return Result{State: Unknown, ExitCode: -1, Reason: fmt.Sprintf("cannot wait for it: %v", err)}
	}
	res := Result{State: Succeeded, ExitCode: ps.ExitCode()}
	if ws, ok := ps.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		res.State, res.Reason = Failed, fmt.Sprintf("ended by signal %d (%s)", ws.Signal(), ws.Signal())
	} else if res.ExitCode != 0 {
		res.State, res.Reason = Failed, fmt.Sprintf("exit code %d", res.ExitCode)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) && res.State == Succeeded {
		res.Reason = fmt.Sprintf("its output is incomplete: %v", err)
	}
	return res
}
