package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/redundancy-app/redundancy/config/strict"
)

// Sources are where the server's settings come from, strongest first.
type Sources struct {
	// Flags that were given on the command line, by [Setting.Flag].
	Flags map[string]string
	// Getenv is os.Getenv. A variable that is set and empty counts as not set.
	Getenv func(string) string
	// File is the path of --config; empty for none.
	File string
	// Terminal says that the log goes to a terminal, where "console" is the
	// default format.
	Terminal bool
}

// LoadServer reads all settings. Errors name the setting, where its value came
// from and what to write; all of them are reported. Whether the settings are
// enough to serve is for [Server.Validate]: `redundancy status` needs less.
func LoadServer(from Sources) (Server, error) {
	if from.Getenv == nil {
		from.Getenv = func(string) string { return "" }
	}
	file, err := readServerFile(from.File)
	if err != nil {
		return Server{}, err
	}
	s := Server{}
	var errs []error
	for _, def := range settings {
		value, source := def.find(from, file)
		if value == "" {
			continue
		}
		if err := def.set(&s, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w (from %s)", def.Env, err, source))
		}
	}
	if s.DataDir == "" && len(errs) == 0 {
		if s.DataDir, err = stateDir(from.Getenv); err != nil {
			errs = append(errs, fmt.Errorf("REDUNDANCY_DATA_DIR: %w", err))
		}
	}
	if len(errs) > 0 {
		return Server{}, errors.Join(errs...)
	}
	if s.LogFormat == "" {
		s.LogFormat = "json"
		if from.Terminal {
			s.LogFormat = "console"
		}
	}
	s.setDefaults()
	return s, nil
}

// find returns the strongest value and a name for its source.
func (def Setting) find(from Sources, file map[string]fileValue) (value, source string) {
	if v := from.Flags[def.Flag]; v != "" && def.Flag != "" {
		return v, "--" + def.Flag
	}
	if v := from.Getenv(def.Env); v != "" {
		return v, "the environment"
	}
	if v, ok := file[def.Key]; ok {
		return v.text, v.place
	}
	return def.Default, "the default"
}

type fileValue struct{ text, place string }

// readServerFile flattens the file of --config into values by dotted key.
func readServerFile(path string) (map[string]fileValue, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	root, problems := strict.ParseYAML(data)
	values := map[string]fileValue{}
	if root != nil {
		problems = append(problems, flatten(root, "", path, values)...)
	}
	var errs []error
	for _, p := range problems {
		errs = append(errs, fmt.Errorf("--config: %s:%d:%d: %s", path, p.Line, p.Column, p.Message))
	}
	return values, errors.Join(errs...)
}

func flatten(n *strict.Node, prefix, path string, out map[string]fileValue) (problems []strict.Problem) {
	if n.Kind != strict.Mapping {
		return []strict.Problem{{Line: n.Line, Column: n.Column, Message: fmt.Sprintf("%s must be a mapping, not %s", strings.TrimSuffix(prefix, "."), n.Kind)}}
	}
	for _, e := range n.Entries {
		key := prefix + e.Key.Text
		leaf, section := settingKey(key)
		switch {
		case section:
			problems = append(problems, flatten(e.Value, key+".", path, out)...)
		case !leaf:
			p := strict.Problem{Line: e.Key.Line, Column: e.Key.Column, Message: fmt.Sprintf("unknown key %.60q", key)}
			if near := strict.Nearest(key, settingKeys()); near != "" {
				p.Message += fmt.Sprintf(", did you mean %q?", near)
			}
			p.Message += " accepted: " + strings.Join(settingKeys(), ", ")
			problems = append(problems, p)
		case e.Value.Kind == strict.Mapping || e.Value.Kind == strict.Sequence || e.Value.Kind == strict.Null:
			problems = append(problems, strict.Problem{Line: e.Value.Line, Column: e.Value.Column, Message: fmt.Sprintf("%s must be a plain value, not %s", key, e.Value.Kind)})
		default:
			out[key] = fileValue{e.Value.Text, fmt.Sprintf("%s:%d", path, e.Value.Line)}
		}
	}
	return problems
}

func settingKeys() []string {
	var keys []string
	for _, def := range settings {
		keys = append(keys, def.Key)
	}
	return keys
}

// settingKey tells a key that has a value from one that has keys below it.
func settingKey(key string) (leaf, section bool) {
	for _, def := range settings {
		leaf = leaf || def.Key == key
		section = section || strings.HasPrefix(def.Key, key+".")
	}
	return leaf, section
}

// DefaultDataDir is the data directory of a server that is started with this
// environment and no flags: $REDUNDANCY_DATA_DIR, else
// $XDG_STATE_HOME/redundancy, else ~/.local/state/redundancy.
func DefaultDataDir() (string, error) {
	if dir := os.Getenv("REDUNDANCY_DATA_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	return stateDir(os.Getenv)
}

// stateDir follows the XDG Base Directory Specification.
func stateDir(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) { // the specification ignores relative ones
		return filepath.Join(dir, "redundancy"), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "redundancy"), nil
	}
	return "", errors.New("neither XDG_STATE_HOME nor HOME is set: name a directory")
}
