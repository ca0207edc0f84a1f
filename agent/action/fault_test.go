package action

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fifo makes a named pipe in b.dir. Opening it for reading returns when the
// script opens it for writing and the other way round: a meeting without
// waiting in a loop.
func (b *bench) fifo(name string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// readFIFO reads what one writer writes.
func readFIFO(t *testing.T, path string) string {
	t.Helper()
	got := make(chan string, 1)
	go func() {
		data, err := os.ReadFile(path)
		if err != nil {
			data = []byte(err.Error())
		}
		got <- string(data)
	}()
	select {
	case s := <-got:
		return strings.TrimSpace(s)
	case <-time.After(patience):
		t.Fatalf("nobody wrote to %s", path)
		return ""
	}
}

// gone reports whether a process has ended; a zombie has.
func gone(pid string) bool {
	data, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

func TestTimeoutKillsTheWholeTree(t *testing.T) {
	b := newBench(t,
		"trap '' TERM", // deaf to the polite signal
		"sh -c 'echo $$ > child; exec sleep 300' &",
		"setsid sh -c 'trap \"\" TERM; (setsid sh -c \"echo \\$\\$ > grandchild; echo up > ready; exec sleep 300\" &); exec sleep 300' &",
		"echo begun", "while :; do sleep 300; done")
	ready := b.fifo("ready")
	b.action.Timeout = 0
	b.runner.cfg.Actions["a"] = b.action
	done := make(chan Result, 1)
	go func() {
		res, err := b.runner.Run(context.Background(), Request{ID: "slow", Name: "a", Timeout: 1500 * time.Millisecond})
		if err != nil {
			t.Errorf("run: %v", err)
		}
		done <- res
	}()
	readFIFO(t, ready)
	var res Result
	select {
	case res = <-done:
	case <-time.After(patience):
		t.Fatal("the time-out does not end it")
	}
	if res.State != TimedOut || string(res.Output) != "begun\n" {
		t.Errorf("%+v", res)
	}
	for _, name := range []string{"child", "grandchild"} {
		if pid := strings.TrimSpace(b.file(name)); pid == "" || !gone(pid) {
			t.Errorf("the %s (pid %q) lives on", name, pid)
		}
	}
}

// However it ends, nothing of it acts on afterwards: neither what hides from its
// session and its parents, nor what is deaf to the polite signal.
func TestNothingOutlivesTheCommand(t *testing.T) {
	for name, tc := range map[string]struct {
		end   string
		state State
	}{
		"success": {"exit 0", Succeeded}, "failure": {"exit 1", Failed},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t,
				`(setsid sh -c 'echo $$ > polite; echo up > ready; exec sleep 300' </dev/null >/dev/null 2>&1 &)`,
				`(setsid sh -c 'trap "" TERM; echo $$ > deaf; echo up > ready2; while :; do sleep 300; done' </dev/null >/dev/null 2>&1 &)`,
				"cat ready ready2", tc.end)
			b.fifo("ready")
			b.fifo("ready2")
			if res := b.must("id"); res.State != tc.state || string(res.Output) != "up\nup\n" {
				t.Errorf("%+v", res)
			}
			for _, who := range []string{"polite", "deaf"} {
				if pid := strings.TrimSpace(b.file(who)); pid == "" || !gone(pid) {
					t.Errorf("the %s one (pid %q) lives on", who, pid)
				}
			}
		})
	}
}

// startApp runs another process that asks for the run and waits for it.
func startApp(t *testing.T, b *bench, id string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "app", b.runner.cfg.Dir, id, b.script)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func TestKilledAppLosesNothing(t *testing.T) {
	b := newBench(t, "echo ran >> count", "echo up > ready", "cat go", "exit 3")
	ready, goOn := b.fifo("ready"), b.fifo("go")
	app := startApp(t, b, "incident-1-step-1")
	readFIFO(t, ready)
	if err := app.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = app.Wait()

	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if res, err := b.runner.Resolve(short, "incident-1-step-1", "claim"); err == nil {
		t.Errorf("resolved to %+v while it goes on", res)
	}
	done := make(chan Result, 2)
	go func() { done <- b.must("incident-1-step-1") }() // the next process asks again ...
	go func() {
		res, err := b.runner.Resolve(context.Background(), "incident-1-step-1", "claim") // ... or only looks
		if err != nil {
			t.Errorf("resolve: %v", err)
		}
		done <- res
	}()
	if err := os.WriteFile(goOn, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case res := <-done:
			if res.State != Failed || res.ExitCode != 3 || string(res.Output) != "hello\n" {
				t.Errorf("%+v", res)
			}
		case <-time.After(patience):
			t.Fatal("the end of the run wakes nobody")
		}
	}
	if got := b.file("count"); got != "ran\n" {
		t.Errorf("it ran as often as this: %q", got)
	}
}

func TestKilledSupervisorIsUnknown(t *testing.T) {
	b := newBench(t, "echo ran >> count", "echo $PPID $$ > ready", "exec sleep 300")
	ready := b.fifo("ready")
	app := startApp(t, b, "doubt")
	pids := strings.Fields(readFIFO(t, ready))
	supervisor, err := strconv.Atoi(pids[0])
	if err != nil {
		t.Fatal(err)
	}
	_ = app.Process.Kill()
	_ = app.Wait()
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it stays so, and is not repeated
		if res := b.must("doubt"); res.State != Unknown || res.StartedAt.IsZero() {
			t.Errorf("%+v", res)
		}
	}
	if got := b.file("count"); got != "ran\n" {
		t.Errorf("it ran as often as this: %q", got)
	}
}

func TestStoppedSupervisorEndsTheAction(t *testing.T) {
	b := newBench(t, "echo $PPID > ready", "exec sleep 300")
	ready := b.fifo("ready")
	startApp(t, b, "stop")
	supervisor, err := strconv.Atoi(readFIFO(t, ready))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(supervisor, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if res := b.must("stop"); res.State != Failed || !strings.Contains(res.Reason, "told to stop") {
		t.Errorf("%+v", res)
	}
}

// A supervisor that could not begin leaves the id free.
func TestNotBegunMayRun(t *testing.T) {
	b := newBench(t, "echo ran >> count")
	j := journal(filepath.Join(b.runner.cfg.Dir, "torn"))
	must(t, os.Mkdir(string(j), 0o700))
	must(t, os.WriteFile(j.file(fileSpec), []byte(`{"argv": ["/bin/`), 0o600))
	if res := b.must("torn"); res.State != Succeeded || b.file("count") != "ran\n" {
		t.Errorf("%+v, ran %q", res, b.file("count"))
	}
}
