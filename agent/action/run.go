package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Run runs an action once for the request's id, however often and from however
// many processes it is asked, and waits for its end.
//
// Errors wrap [ErrBadID], [ErrNoAction], [ErrRefused] or [ErrOtherClaim] when
// nothing has happened for a reason that repeating does not mend. When ctx
// ends, Run returns its error and the action goes on: ask again with the same id.
func (r *Runner) Run(ctx context.Context, req Request) (Result, error) {
	id := req.ID
	j, err := r.journal(id)
	if err != nil {
		return Result{}, err
	}
	exists, err := j.has("")
	if err != nil {
		return Result{}, fmt.Errorf("run %s: %w", id, err)
	}
	if exists {
		if res, err := r.Resolve(ctx, id, req.Claim); err != nil || res.State != NotStarted || !res.EndedAt.IsZero() {
			return res, err
		}
	}
	s, env, err := r.vet(req)
	if err != nil {
		return Result{State: NotStarted, ExitCode: -1, Reason: err.Error()}, err
	}
	if err := os.Mkdir(string(j), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return Result{}, fmt.Errorf("run %s: %w", id, err)
	}
	if err := syncDir(r.cfg.Dir); err != nil {
		return Result{}, fmt.Errorf("run %s: %w", id, err)
	}
	lock, err := j.lock(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("run %s: %w", id, err)
	}
	// From here on nobody else starts this id: the lock goes over to the
	// supervisor without ever being free.
	res, err := j.read(req.Claim)
	if err != nil || res.State != NotStarted || !res.EndedAt.IsZero() {
		return res, errors.Join(err, lock.Close())
	}
	err = j.launch(s, env, lock)
	if err := errors.Join(err, lock.Close()); err != nil {
		return Result{}, fmt.Errorf("run %s: %w", id, err)
	}
	return r.Resolve(ctx, id, req.Claim)
}

// Resolve tells how the run with this id and claim went, and waits for the end
// of one that goes on. It never starts anything: a run that was not begun is
// [NotStarted], also when nobody ever asked for it. The error wraps [ErrBadID]
// or [ErrOtherClaim] when there can be no such run.
func (r *Runner) Resolve(ctx context.Context, id, claim string) (Result, error) {
	j, err := r.journal(id)
	if err != nil {
		return Result{}, err
	}
	lock, err := j.lock(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return Result{State: NotStarted, ExitCode: -1, Reason: "nobody asked for it"}, nil
	}
	if err != nil {
		return Result{}, fmt.Errorf("resolve %s: %w", id, err)
	}
	res, err := j.read(claim)
	return res, errors.Join(err, lock.Close())
}

func (r *Runner) journal(id string) (journal, error) {
	if !validID.MatchString(id) {
		return "", fmt.Errorf("%w: %.140q", ErrBadID, id)
	}
	return journal(filepath.Join(r.cfg.Dir, id)), nil
}

// launch writes the spec and starts the supervisor, which inherits the lock.
func (j journal) launch(s spec, env map[string]string, lock *os.File) error {
	if err := j.writeJSON(fileSpec, s); err != nil {
		return err
	}
	exe, err := executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(j.file(fileLog), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	values, send, err := os.Pipe()
	if err != nil {
		return err
	}
	defer send.Close()
	cmd := exec.Command(exe, SupervisorCommand, string(j)) //nolint:gosec,noctx // our own binary, and it must outlive us
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{lock, values}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	if err := errors.Join(err, values.Close()); err != nil {
		return fmt.Errorf("start supervisor: %w", err)
	}
	go func() { _ = cmd.Wait() }() // only so that it leaves no zombie: the journal says how it went
	if err := json.NewEncoder(send).Encode(env); err != nil && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("hand over the environment: %w", err)
	}
	return nil
}

// Prune removes the journals of runs that ended, or were last written to,
// before the given moment. A run that goes on stays.
func (r *Runner) Prune(olderThan time.Time) (removed int, err error) {
	entries, err := os.ReadDir(r.cfg.Dir)
	if err != nil {
		return 0, fmt.Errorf("prune actions: %w", err)
	}
	for _, e := range entries {
		j, err := r.journal(e.Name())
		if err != nil || !e.IsDir() {
			continue // not ours
		}
		ok, err := j.prune(olderThan)
		if err != nil {
			return removed, fmt.Errorf("prune actions: %w", err)
		}
		if ok {
			removed++
		}
	}
	return removed, nil
}

func (j journal) prune(olderThan time.Time) (bool, error) {
	info, err := os.Stat(string(j)) // every file of a journal is renamed into it, which touches it
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.ModTime().Before(olderThan) {
		return false, err
	}
	lock, err := os.OpenFile(j.file(fileLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, err
	}
	defer lock.Close()
	if err := flock(lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, nil // somebody holds it: it goes on
	}
	return true, os.RemoveAll(string(j))
}
