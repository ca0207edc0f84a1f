package handlers

import (
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestNoHandlerCanCallGitHub holds the promise that an event costs no request:
// the package has no client, and imports nothing that could make one. The
// interface githubapp.EventHandler is the only thing it takes from there.
func TestNoHandlerCanCallGitHub(t *testing.T) {
	allowed := map[string]bool{
		"github.com/jonboulle/clockwork":                        true,
		"github.com/palantir/go-githubapp/githubapp":            true,
		"github.com/prometheus/client_golang/prometheus":        true,
		"github.com/rs/zerolog":                                 true,
		"github.com/tidwall/gjson":                              true,
		"github.com/redundancy-app/redundancy/commands/comment": true,
		"github.com/redundancy-app/redundancy/config":           true,
		"github.com/redundancy-app/redundancy/queue":            true,
		"github.com/redundancy-app/redundancy/store":            true,
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		src, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range src.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			seen++
			if strings.Contains(path, ".") && !allowed[path] || path == "net" || strings.HasPrefix(path, "net/") {
				t.Errorf("%s imports %s", f.Name(), path)
			}
		}
	}
	if seen == 0 {
		t.Error("no imports were read")
	}
}
