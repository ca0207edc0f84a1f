package action

import (
	"errors"
	"syscall"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sys/unix"
)

const (
	// killAgain is the pause between final signals. There is more than one,
	// because a process may have been forking while we looked.
	killAgain = 10 * time.Millisecond
	// maxKills bounds them: a process that hangs in the kernel cannot be ended.
	maxKills = 500
)

// endTree ends the command and everything that came out of it, wherever it
// moved: politely first, when it is late for good. It returns what waiting for
// the command says; others may live on until [endOrphans].
func endTree(pid int, ended <-chan error, late <-chan struct{}, clock clockwork.Clock) error {
	signalTree(pid, syscall.SIGTERM)
	select {
	case err := <-ended:
		return err
	case <-late:
	}
	for range maxKills {
		signalTree(pid, syscall.SIGKILL)
		select {
		case err := <-ended:
			return err
		case <-clock.After(killAgain):
		}
	}
	return <-ended
}

// endOrphans ends what the command, which has ended and was waited for, has
// left behind, in the same way.
func endOrphans(pid int, late <-chan struct{}, clock clockwork.Clock) {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		reap()
	}()
	signalOrphans(pid, syscall.SIGTERM)
	select {
	case <-gone:
		return
	case <-late:
	}
	for range maxKills {
		signalOrphans(pid, syscall.SIGKILL)
		select {
		case <-gone:
			return
		case <-clock.After(killAgain):
		}
	}
}

// reap waits for all our children. Where we adopt orphans, none is left of the
// whole tree when it returns.
func reap() {
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err != nil && !errors.Is(err, syscall.EINTR) {
			return // ECHILD
		}
	}
}
