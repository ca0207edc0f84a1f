package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// documented returns the fenced examples of docs/configuration.md by the name
// in the comment that stands before each: <!-- example: NAME -->.
func documented(t testing.TB) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)<!-- example: ([a-z-]+) -->\n```[a-z]+\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		found[m[1]] = m[2]
	}
	return found
}

func example(t testing.TB, name string) []byte {
	t.Helper()
	text, ok := documented(t)[name]
	if !ok {
		t.Fatalf("docs/configuration.md has no example %q", name)
	}
	return []byte(text)
}

func TestDocumentedExamplesAreValid(t *testing.T) {
	for name, text := range documented(t) {
		t.Run(name, func(t *testing.T) {
			var findings []Finding
			switch {
			case strings.HasPrefix(name, "repository"):
				_, findings = ParseRepository(RepositoryPath, []byte(text))
			case strings.HasPrefix(name, "original"):
				_, findings = ParseOriginal(OriginalPath, []byte(text))
				for _, f := range findings {
					if f.Severity != Notice {
						t.Error(f)
					}
				}
				return
			case strings.HasPrefix(name, "agent"):
				_, findings = ParseAgent("agent.yml", []byte(text))
			case strings.HasPrefix(name, "server"):
				file := t.TempDir() + "/server.yml"
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := LoadServer(Sources{File: file, Getenv: environment("HOME", "/home/x")}); err != nil {
					t.Error(err)
				}
			default:
				t.Errorf("no test knows what %q is an example of", name)
			}
			for _, f := range findings {
				t.Error(f)
			}
		})
	}
}

// Every key of the structs must be in the documentation, and every setting.
func TestEveryKeyIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Settings() {
		if !strings.Contains(string(page), "`"+s.Env+"`") {
			t.Errorf("%s is not documented", s.Env)
		}
		if s.Flag != "" && !strings.Contains(string(page), "`--"+s.Flag+"`") {
			t.Errorf("--%s is not documented", s.Flag)
		}
	}
	for _, file := range []string{"redundancy.schema.json", "agent.schema.json"} {
		schema, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^        "([a-z0-9_]+)": \{$`).FindAllStringSubmatch(string(schema), -1) {
			if !strings.Contains(string(page), "`"+m[1]+"`") {
				t.Errorf("key %q of %s is not documented", m[1], file)
			}
		}
	}
}
