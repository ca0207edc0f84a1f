package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/redundancy-app/redundancy/config"
)

// maxAgentFile bounds agent.yml: 1 MiB.
const maxAgentFile = 1 << 20

// loadHost reads what may run on this host. No file means: nothing. A broken
// one stops the start, because half of what the owner wrote may be the half
// that forbids.
func loadHost(path string) (config.Agent, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return config.Agent{}, nil
	}
	if err != nil {
		return config.Agent{}, fmt.Errorf("REDUNDANCY_AGENT_CONFIG: %w", err)
	}
	if info.Size() > maxAgentFile {
		return config.Agent{}, fmt.Errorf("REDUNDANCY_AGENT_CONFIG: %s is larger than 1 MiB", path)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return config.Agent{}, fmt.Errorf("REDUNDANCY_AGENT_CONFIG: %s can be written by others, who could then run anything: chmod go-w it", path)
	}
	data, err := os.ReadFile(path)
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
