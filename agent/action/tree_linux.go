package action

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// executable is the binary that runs now, even when the file was replaced by
// an upgrade in the meantime.
func executable() (string, error) { return "/proc/self/exe", nil }

// attributes put the command into a process group of its own, and tie it to
// its supervisor: without one, nobody would end it at its deadline.
func attributes(acc *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if acc != nil {
		attr.Credential = &syscall.Credential{Uid: acc.UID, Gid: acc.GID, Groups: acc.Groups}
	}
	return attr
}

// adoptOrphans makes us the parent of every descendant that loses its own, so
// that none gets out of sight by setsid and a double fork.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	return nil
}

// signalTree signals the process group pid and all our descendants.
func signalTree(pid int, sig syscall.Signal) {
	_ = unix.Kill(-pid, sig) // the group may be gone
	signalOrphans(pid, sig)
}

// signalOrphans signals all our descendants. The group of the command is not
// asked for: once the command was waited for, its number may be another's.
func signalOrphans(_ int, sig syscall.Signal) {
	for _, p := range descendants(os.Getpid()) {
		_ = unix.Kill(p, sig) // it may have ended
	}
}

// descendants lists the living processes below root.
func descendants(root int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	children := map[int][]int{}
	zombie := map[int]bool{}
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		// pid (comm) state ppid …; comm may hold anything, so from its end.
		fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || len(fields) < 2 {
			continue
		}
		parent, err := strconv.Atoi(string(fields[1]))
		if err != nil {
			continue
		}
		children[parent] = append(children[parent], pid)
		zombie[pid] = fields[0][0] == 'Z'
	}
	var all []int
	for queue := children[root]; len(queue) > 0; queue = queue[1:] {
		if !zombie[queue[0]] {
			all = append(all, queue[0])
		}
		queue = append(queue, children[queue[0]]...)
	}
	return all
}

// pin checks the script again, at the last moment, on the opened file. The
// command then opens it by its own path, because scripts load files beside them
// (require, dirname "$0"), which running a copy elsewhere or /proc/self/fd/N
// would break. So for the instant in between, the rule of checkScript counts:
// only root, we and the action's user can put another file there.
//
// As root we also mount the checked bytes, read-only, over the path in a mount
// namespace of our own. Shells read their script piece by piece; without the
// mount, saving the file while it runs would change what runs. (Replacing it
// by a rename undoes the mount, but leaves what is already open alone.)
func pin(j journal, s spec) error {
	f, err := openScript(s)
	if err != nil {
		return err
	}
	defer f.Close()
	if os.Geteuid() != 0 {
		return nil
	}
	if err := copyScript(j, f, s); err != nil {
		return fmt.Errorf("copy %s: %w", s.Script, err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil // a container without CAP_SYS_ADMIN: as if we were not root
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount(j.file(fileScript), f.Name(), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the checked copy over %s: %w", f.Name(), err)
	}
	if err := unix.Mount("", f.Name(), "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount the checked copy over %s: %w", f.Name(), err)
	}
	return nil
}

// copyScript copies what f holds and checks the copy, not the original again:
// it may have changed while it was read.
func copyScript(j journal, f *os.File, s spec) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(j.file(fileScript), os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600) //nolint:gosec // the journal's own directory; its name is validated
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := io.Copy(dst, io.LimitReader(f, maxScript+1)); err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := dst.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	if err := dst.Chmod(info.Mode().Perm() &^ 0o222); err != nil {
		return err
	}
	if _, err := dst.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return checkScript(dst, s)
}
