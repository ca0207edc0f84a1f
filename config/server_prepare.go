package config

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// APITokenFile is the name of the generated token in the data directory.
const APITokenFile = "api-token"

// Prepare makes the data directory (0700) and, when no API token is set, reads
// the generated one from it or generates it. Call it before anything else
// writes there.
func (s *Server) Prepare() error {
	if err := os.MkdirAll(s.DataDir, 0o700); err != nil {
		return fmt.Errorf("REDUNDANCY_DATA_DIR: %w", err)
	}
	if s.APIToken != "" {
		return nil
	}
	token, err := ReadAPIToken(s.DataDir)
	if errors.Is(err, os.ErrNotExist) {
		token, err = writeAPIToken(s.DataDir)
	}
	if err != nil {
		return fmt.Errorf("REDUNDANCY_API_TOKEN: %w", err)
	}
	s.APIToken = token
	return nil
}

// ReadAPIToken reads the token that a server left in its data directory. The
// error wraps [os.ErrNotExist] when there is none. A file that others can read
// is refused: whoever could read it could recover and pause.
func ReadAPIToken(dir string) (Secret, error) {
	path := filepath.Join(dir, APITokenFile)
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read API token: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("read API token: %s can be read by others: chmod 600 it, or delete it to get a new one", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read API token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if len(token) < minToken {
		return "", fmt.Errorf("read API token: %s holds no token: delete it to get a new one", path)
	}
	return Secret(token), nil
}

// writeAPIToken goes through a temporary file, so that a crash cannot leave
// half a token.
func writeAPIToken(dir string) (Secret, error) {
	token := rand.Text()                            // 130 bits
	f, err := os.CreateTemp(dir, APITokenFile+".*") // 0600
	if err != nil {
		return "", fmt.Errorf("write API token: %w", err)
	}
	defer os.Remove(f.Name()) // gone after the rename
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("write API token: %w", err)
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, APITokenFile)); err != nil {
		return "", fmt.Errorf("write API token: %w", err)
	}
	return Secret(token), nil
}
