// Command generate rewrites the JSON schemas beside package config. It is run
// by `go generate ./config`.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/redundancy-app/redundancy/config/internal/schema"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	if err := os.Chdir(filepath.Join("internal", "schema")); err != nil {
		return fmt.Errorf("run it by go generate ./config: %w", err)
	}
	for name := range schema.Files {
		out, err := schema.Generate(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join("..", "..", name), out, 0o644); err != nil { //nolint:gosec // a file of the repository, for everybody
			return err
		}
	}
	return nil
}
