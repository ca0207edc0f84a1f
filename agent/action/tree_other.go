//go:build unix && !linux

package action

import (
	"os"
	"syscall"
)

func executable() (string, error) { return os.Executable() }

func attributes(acc *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if acc != nil {
		attr.Credential = &syscall.Credential{Uid: acc.UID, Gid: acc.GID, Groups: acc.Groups}
	}
	return attr
}

// adoptOrphans: only Linux lets a process adopt the orphans below it. Elsewhere
// a command that leaves its process group outlives its deadline.
func adoptOrphans() error { return nil }

func signalTree(pid int, sig syscall.Signal) bool { return syscall.Kill(-pid, sig) == nil }

func pin(_ journal, s spec) error {
	f, err := openScript(s)
	if err != nil {
		return err
	}
	return f.Close()
}
