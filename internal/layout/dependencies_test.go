package layout_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDependenciesAreExplained holds docs/dependencies.md to go.mod: every
// direct module has its row, and no row is about a module that is gone.
func TestDependenciesAreExplained(t *testing.T) {
	gomod, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(root + "/docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(gomod), -1) {
		direct[m[1]] = true
	}
	if len(direct) < 10 {
		t.Fatalf("found %d direct modules: go.mod is read wrongly", len(direct))
	}
	for module := range direct {
		// A row names the module, or its beginning: several modules of one project share a row.
		if !mentions(string(page), module) {
			t.Errorf("docs/dependencies.md has no row for %s", module)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z]\S*\.\S+/[^ |]+(?:, [^ |]+)*) \|`).FindAllStringSubmatch(string(page), -1) {
		for row := range strings.SplitSeq(m[1], ", ") {
			if !used(direct, row) {
				t.Errorf("docs/dependencies.md explains %s, which go.mod does not have", row)
			}
		}
	}
}

func mentions(page, module string) bool {
	for {
		if strings.Contains(page, module) {
			return true
		}
		cut := strings.LastIndex(module, "/")
		if cut < 0 || strings.Count(module, "/") < 3 {
			return false
		}
		module = module[:cut]
	}
}

func used(direct map[string]bool, row string) bool {
	for module := range direct {
		if module == row || strings.HasPrefix(module, row+"/") {
			return true
		}
	}
	return false
}
