package action

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	// interpreters run the file that their first argument names.
	interpreters = regexp.MustCompile(`^(?:(?:ba|da|a|z|k|mk|fi)?sh|node(?:js)?|deno|bun|python|pypy|ruby|perl|php|lua|tclsh|pwsh|Rscript)[0-9.]*$`)
	// launchers run what their arguments name, so that the pin of a launcher
	// pins nothing.
	launchers = []string{
		"env", "sudo", "sudoedit", "doas", "su", "runuser", "setpriv", "pkexec", "gosu", "su-exec", "nice", "ionice", "chrt", "taskset",
		"nohup", "setsid", "setarch", "timeout", "xargs", "find", "parallel", "stdbuf", "unbuffer", "script", "time", "watch", "flock",
		"prlimit", "chroot", "unshare", "nsenter", "systemd-run", "start-stop-daemon", "strace", "ltrace", "gdb",
		"busybox", "toybox", "coreutils", "npx", "bunx", "uvx",
	}
	// multiCall are programs that are many, by the name under which they are
	// called: where sh is a link to one of them, it is still a shell.
	multiCall = []string{"busybox", "toybox", "coreutils"}
	// dynamicLoader runs the program that its first argument names.
	dynamicLoader = regexp.MustCompile(`^ld[-.](?:linux|musl|so)`)
	// scriptEndings are of files that an interpreter reads, executable or not.
	scriptEndings = []string{".sh", ".bash", ".zsh", ".js", ".mjs", ".cjs", ".ts", ".py", ".rb", ".pl", ".php", ".lua", ".awk", ".tcl", ".ps1"}
)

// command makes argv[0] absolute and finds the file that the pin is for:
// argv[0], or argv[1] when argv[0] is an interpreter. So
// [node, /srv/site/automation/marketing-sync.js] pins the script, and
// [/srv/bin/sync, --all] the program. No other argument may lead to code.
func command(argv []string) (abs []string, script string, err error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, "", errors.New("argv is empty")
	}
	for _, a := range argv {
		if strings.Contains(a, "\x00") {
			return nil, "", errors.New("argv holds a NUL")
		}
	}
	abs = slices.Clone(argv)
	if abs[0], err = program(argv[0]); err != nil {
		return nil, "", err
	}
	rest := argv[1:]
	switch name := filepath.Base(argv[0]); {
	case interpreters.MatchString(name):
		if len(rest) == 0 || !isFile(rest[0]) {
			return nil, "", fmt.Errorf("argv[1] is not the absolute path of a regular file, so there is nothing to pin: %s runs what argv[1] names", name)
		}
		script, rest = rest[0], rest[1:]
	case !filepath.IsAbs(argv[0]):
		return nil, "", fmt.Errorf("argv[0] %q is no interpreter that is known here; write its absolute path, and there is something to pin", argv[0])
	default:
		script = abs[0]
	}
	for _, arg := range rest {
		_, value, _ := strings.Cut(arg, "=") // --require=/srv/hook.js
		for _, path := range []string{arg, value} {
			if path != script && isCode(path) {
				return nil, "", fmt.Errorf("argv holds %s, which is code that the pin of %s does not cover; let the pinned file name it", path, script)
			}
		}
	}
	return abs, script, nil
}

// program gives the absolute path of argv[0], and refuses what only starts
// something else.
func program(name string) (string, error) {
	path := name
	if !filepath.IsAbs(name) {
		if strings.Contains(name, "/") {
			return "", fmt.Errorf("argv[0] %q is a relative path; it would depend on where the App was started", name)
		}
		at := slices.IndexFunc(filepath.SplitList(SearchPath), func(dir string) bool {
			info, err := os.Stat(filepath.Join(dir, name))
			return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
		})
		if at < 0 {
			return "", fmt.Errorf("argv[0] %q is not in %s; write its absolute path", name, SearchPath)
		}
		path = filepath.Join(filepath.SplitList(SearchPath)[at], name)
	}
	if !isFile(path) {
		return "", fmt.Errorf("argv[0] %s is no regular file, so there is nothing to pin", path)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	called, is := filepath.Base(path), filepath.Base(real)
	if slices.Contains(launchers, called) || dynamicLoader.MatchString(called) || dynamicLoader.MatchString(is) ||
		slices.Contains(launchers, is) && !slices.Contains(multiCall, is) {
		return "", fmt.Errorf("argv[0] %s only starts what its arguments name, so its pin would pin nothing; begin argv with the script or its interpreter", name)
	}
	return path, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return filepath.IsAbs(path) && err == nil && info.Mode().IsRegular()
}

// isCode reports whether path leads to something that could be run.
func isCode(path string) bool {
	if !isFile(path) {
		return false
	}
	info, err := os.Stat(path)
	return err != nil || info.Mode()&0o111 != 0 || slices.Contains(scriptEndings, strings.ToLower(filepath.Ext(path)))
}
