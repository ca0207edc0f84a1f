package action

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redundancy-app/redundancy/config"
)

// maxScript bounds what is hashed and copied, in bytes.
const maxScript = 256 << 20

func refuse(name, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %w", ErrRefused, name, fmt.Errorf(format, args...))
}

// vet checks everything that can be checked before a run, and makes its spec
// and its environment.
func (r *Runner) vet(req Request) (spec, map[string]string, error) {
	name := req.Name
	a, ok := r.cfg.Actions[name]
	if !ok {
		return spec{}, nil, fmt.Errorf("%w: %q", ErrNoAction, name)
	}
	// First, so that a stranger learns nothing about this host from the others.
	if !a.MayBeAskedForBy(req.Repository) {
		return spec{}, nil, refuse(name, "%s may not ask for it: the host's owner lists under repositories who may", req.Repository)
	}
	if a.Isolation != "" && a.Isolation != config.IsolationNone {
		return spec{}, nil, refuse(name, "isolation %q is asked for, and this version has no sandbox; nothing runs with less than what is asked for", a.Isolation)
	}
	s := spec{Claim: req.Claim, Name: name, Repository: req.Repository, SHA256: strings.ToLower(a.SHA256), Grace: r.cfg.Grace, OutputLimit: a.OutputLimit, Timeout: shortest(req.Timeout, a.Timeout.Std())}
	if s.OutputLimit <= 0 {
		s.OutputLimit = DefaultOutputLimit
	}
	s.OutputLimit = min(s.OutputLimit, maxOutputLimit)
	var err error
	if s.Argv, s.Script, err = command(a.Argv); err != nil {
		return spec{}, nil, refuse(name, "%w", err)
	}
	if s.Account, err = accountOf(a.User); err != nil {
		return spec{}, nil, refuse(name, "%w", err)
	}
	f, err := openScript(s)
	if err != nil {
		return spec{}, nil, refuse(name, "%w", err)
	}
	f.Close()
	s.Dir = a.Dir
	if s.Dir == "" {
		s.Dir = filepath.Dir(s.Script)
	}
	if info, err := os.Stat(s.Dir); err != nil || !info.IsDir() || !filepath.IsAbs(s.Dir) {
		return spec{}, nil, refuse(name, "cwd %s is not an absolute path of a directory", s.Dir)
	}
	env := map[string]string{"PATH": SearchPath}
	for _, v := range a.Env {
		value, ok := r.cfg.LookupEnv(v)
		if !ok {
			return spec{}, nil, refuse(name, "the variable %s is not set", v)
		}
		if v == "" || strings.ContainsAny(v, "=\x00") || strings.Contains(value, "\x00") {
			return spec{}, nil, refuse(name, "%q is not the name of a variable, or its value holds a NUL", v)
		}
		env[v] = value
	}
	return s, env, nil
}

// shortest is the shorter of two spans of which 0 means "not given".
func shortest(a, b time.Duration) time.Duration {
	switch {
	case a <= 0 && b <= 0:
		return DefaultTimeout
	case a <= 0:
		return b
	case b <= 0:
		return a
	}
	return min(a, b)
}

// openScript opens the script and checks what was opened: its owner, who may
// write to it, and its content. The offset is back at the start.
func openScript(s spec) (*os.File, error) {
	if len(s.SHA256) != 2*sha256.Size {
		return nil, fmt.Errorf("sha256 of %s is missing; write what `sha256sum` says", s.Script)
	}
	real, err := filepath.EvalSymlinks(s.Script)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(real, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := checkScript(f, s); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func checkScript(f *os.File, s spec) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	dir, err := os.Stat(filepath.Dir(f.Name())) //nolint:gosec // the path that the host's owner wrote down
	if err != nil {
		return err
	}
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", f.Name())
	case info.Mode()&0o002 != 0:
		return fmt.Errorf("%s is writable by everybody", f.Name())
	case dir.Mode()&0o002 != 0:
		return fmt.Errorf("the directory of %s is writable by everybody", f.Name())
	case info.Size() > maxScript:
		return fmt.Errorf("%s has %d bytes, the limit is %d", f.Name(), info.Size(), maxScript)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && st.Uid != uint32(os.Geteuid()) && (s.Account == nil || st.Uid != s.Account.UID) {
		return fmt.Errorf("%s belongs to uid %d, want root, us or the user of the action", f.Name(), st.Uid)
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxScript+1)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); subtle.ConstantTimeCompare([]byte(got), []byte(s.SHA256)) != 1 {
		return fmt.Errorf("%s has sha256 %s, pinned is %s", s.Script, got, s.SHA256)
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// accountOf looks a user up. nil means: as we are.
func accountOf(name string) (*account, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // documented
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if int(uid) == os.Geteuid() {
		return nil, nil //nolint:nilnil // documented
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("user %s: only root can run an action as somebody else", name)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	acc := &account{UID: uint32(uid), GID: uint32(gid)}
	for _, id := range ids {
		g, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		acc.Groups = append(acc.Groups, uint32(g))
	}
	return acc, nil
}
