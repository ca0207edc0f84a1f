package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Files of a journal.
const (
	fileLock    = "lock"
	fileSpec    = "spec.json"
	fileStarted = "started"
	fileOutcome = "outcome.json"
	fileLog     = "supervisor.log" // standard error of the supervisor; empty unless it crashed
	fileScript  = "script"         // the bytes that were checked
)

// journal is the directory of one run.
type journal string

// spec is what the supervisor needs to know. Values of variables come through
// a pipe and are not in it.
type spec struct {
	Claim       string        `json:"claim"`
	Name        string        `json:"name"`
	Repository  string        `json:"repository"`
	Argv        []string      `json:"argv"` // argv[0] absolute
	Script      string        `json:"script"`
	SHA256      string        `json:"sha256"`
	Dir         string        `json:"dir"`
	Timeout     time.Duration `json:"timeout"`
	Grace       time.Duration `json:"grace"`
	OutputLimit int           `json:"output_limit"`
	Account     *account      `json:"account,omitempty"` // nil: as we are
}

// account is a user in numbers.
type account struct {
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"`
}

func (j journal) file(name string) string { return filepath.Join(string(j), name) }

func (j journal) has(name string) (bool, error) {
	_, err := os.Lstat(j.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// read tells what the journal says about a claim, under its lock.
func (j journal) read(claim string) (Result, error) {
	if err := j.check(claim); err != nil {
		return Result{}, err
	}
	data, err := os.ReadFile(j.file(fileOutcome))
	switch {
	case err == nil:
		var r Result
		if err := json.Unmarshal(data, &r); err != nil {
			return Result{}, fmt.Errorf("read outcome of %s: %w", filepath.Base(string(j)), err)
		}
		return r, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Result{}, fmt.Errorf("read outcome: %w", err)
	}
	started, err := j.has(fileStarted)
	if err != nil {
		return Result{}, fmt.Errorf("read journal: %w", err)
	}
	if started {
		r := Result{State: Unknown, ExitCode: -1, Reason: "it began, and its supervisor died before the end"}
		if info, err := os.Stat(j.file(fileStarted)); err == nil {
			r.StartedAt = info.ModTime().UTC()
		}
		return r, nil
	}
	return Result{State: NotStarted, ExitCode: -1, Reason: "it has not begun"}, nil
}

// check refuses a journal that is of another claim: taking its outcome over
// would report an effect that did not happen. One without a spec is nobody's
// yet, unless it began.
func (j journal) check(claim string) error {
	data, err := os.ReadFile(j.file(fileSpec))
	var s spec
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	switch {
	case err == nil && s.Claim == claim:
		return nil
	case err == nil:
		return fmt.Errorf("%w: %s", ErrOtherClaim, filepath.Base(string(j)))
	}
	for _, name := range []string{fileStarted, fileOutcome} {
		if has, stat := j.has(name); has || stat != nil {
			return errors.Join(fmt.Errorf("read spec of %s: %w", filepath.Base(string(j)), err), stat)
		}
	}
	return nil // nothing has begun; it is written anew
}

// write puts a file on disk whole or not at all.
func (j journal) write(name string, data []byte) error {
	tmp := j.file(name + ".tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // the journal's own directory; its name is validated
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, j.file(name)); err != nil { //nolint:gosec // the journal's own directory; its name is validated
		return err
	}
	return syncDir(string(j))
}

func (j journal) writeJSON(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return j.write(name, data)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the journal's own directory; its name is validated
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lock waits until the journal is ours. There is no polling: a goroutine sits
// in flock(2) until the holder closes or dies. When ctx ends first, that
// goroutine lets go as soon as it gets the lock.
func (j journal) lock(ctx context.Context) (*os.File, error) {
	for {
		f, err := os.OpenFile(j.file(fileLock), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		locked := make(chan error)
		go func() {
			err := flock(f, unix.LOCK_EX)
			select {
			case locked <- err:
			case <-ctx.Done():
				f.Close()
			}
		}()
		select {
		case err = <-locked:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
		if current(f) {
			return f, nil
		}
		if err := f.Close(); err != nil { // pruned while we waited
			return nil, err
		}
	}
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// current reports whether f's name still leads to f.
func current(f *os.File) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(f.Name())
	return err == nil && os.SameFile(ours, now)
}
