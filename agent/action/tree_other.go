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
// what leaves its process group outlives the command and its deadline.
func adoptOrphans() error { return nil }

func signalTree(pid int, sig syscall.Signal) { _ = syscall.Kill(-pid, sig) }

// signalOrphans ends what is still in the command's process group, at once for
// good: it is not our child here, so its end cannot be waited for.
func signalOrphans(pid int, _ syscall.Signal) { signalTree(pid, syscall.SIGKILL) }

func pin(_ journal, s spec) error {
	f, err := openScript(s)
	if err != nil {
		return err
	}
	return f.Close()
}
