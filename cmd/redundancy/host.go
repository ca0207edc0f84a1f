package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
)

// maxAgentFile bounds agent.yml: 1 MiB.
const maxAgentFile = 1 << 20

// loadHost reads what may run on this host. No file means: nothing. A broken
// one stops the start, because half of what the owner wrote may be the half
// that forbids.
func loadHost(path string) (config.Agent, error) {
	data, err := readHost(path)
	if errors.Is(err, os.ErrNotExist) {
		return config.Agent{}, nil
	}
	if err != nil {
		return config.Agent{}, fmt.Errorf("REDUNDANCY_AGENT_CONFIG: %w", err)
	}
	agent, findings := config.ParseAgent(path, data)
	var wrong []string
	for _, f := range findings {
		if f.Severity == config.Error {
			wrong = append(wrong, fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message))
		}
	}
	if len(wrong) > 0 {
		return config.Agent{}, fmt.Errorf("REDUNDANCY_AGENT_CONFIG: %s", strings.Join(wrong, "; "))
	}
	return agent, nil
}

// readHost reads agent.yml, unless somebody else could have written it: what
// stands in it is run with our rights. What is checked is what is read.
func readHost(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a fifo must not stop the start
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxAgentFile:
		return nil, fmt.Errorf("%s is larger than 1 MiB", path)
	case info.Mode().Perm()&0o022 != 0:
		return nil, fmt.Errorf("%s can be written by others, who could then run anything: chmod go-w it", path)
	}
	if err := trustedOwner(path, info); err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(real)} { // of the link, and of what it leads to
		if err := trustedDir(dir); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(f, maxAgentFile))
}

// trustedDir refuses a directory in which others could put another file in the
// place of ours. In a sticky one, as /tmp is, they cannot.
func trustedDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&os.ModeSticky == 0 {
		return fmt.Errorf("%s can be written by others, who could put their own file there and run anything: chmod go-w it", dir)
	}
	return trustedOwner(dir, info)
}

func trustedOwner(path string, info os.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if us := os.Geteuid(); ok && st.Uid != 0 && int(st.Uid) != us {
		return fmt.Errorf("%s belongs to uid %d, who could run anything as uid %d: chown it to root or uid %d", path, st.Uid, us, us)
	}
	return nil
}

// warnOfOpenActions names the actions that every repository with the App may
// ask for.
func warnOfOpenActions(log zerolog.Logger, agent config.Agent) {
	for _, name := range slices.Sorted(maps.Keys(agent.Actions)) {
		if len(agent.Actions[name].Repositories) == 0 {
			log.Warn().Str("action", name).Msg("any repository may ask for it: name them under repositories")
		}
	}
}
