package schema

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/redundancy-app/redundancy/config"
)

func TestCommittedSchemasAreFresh(t *testing.T) {
	for name := range Files {
		want, err := Generate(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate ./config (%v)", name, err)
		}
	}
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(Base+name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(Base + name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	j, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(j))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestSchemaAcceptsTheDocumentedExamples(t *testing.T) {
	page, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	schemas := map[string]*jsonschema.Schema{"repository": compile(t, "redundancy.schema.json"), "agent": compile(t, "agent.schema.json")}
	seen := 0
	for _, m := range regexp.MustCompile("(?s)<!-- example: ([a-z]+)[a-z-]* -->\n```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		s, ok := schemas[m[1]]
		if !ok {
			continue
		}
		seen++
		if err := validate(t, s, m[2]); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}
	if seen < 4 {
		t.Errorf("only %d examples found", seen)
	}
}

// An editor that follows the schema and the reader must agree.
func TestSchemaAndReaderAgree(t *testing.T) {
	s := compile(t, "redundancy.schema.json")
	workflow := func(s string) string { return "version: 1\nworkflows:\n- file: a.yml\n  " + s + "\n" }
	step := func(s string) string { return workflow("recover: [{" + s + "}]") }
	many := func(n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = "k" + strings.Repeat("x", i) + ": v"
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	for text, good := range map[string]bool{
		"version: 1\n":                             true,
		"version: 2\n":                             false,
		"version: '1'\n":                           false,
		"{}\n":                                     false,
		"version: 1\nworkflws: []\n":               false,
		"version: 1\nworkflows: {}\n":              false,
		"version: 1\nworkflows: [{}]\n":            false,
		"version: 1\nworkflows: [{file: ''}]\n":    false,
		"version: 1\nhosts: {a: {pm2: 1}}\n":       false,
		"version: 1\nhosts: {a: {pm3: true}}\n":    false,
		"version: 1\nnotify: {a: {}}\n":            false,
		"version: 1\nnotify: {a: {url: env:A}}\n":  true,
		"version: 1\nvalidate: {ignore: x}\n":      false,
		workflow("effect: guarded"):                true,
		workflow("effect: maybe"):                  false,
		workflow("schedule: {catchup: some}"):      false,
		workflow("schedule: {grace: 15}"):          false,
		workflow("schedule: {grace: 15m}"):         true,
		workflow("schedule: {grace: 1d12h}"):       true,
		workflow("schedule: {grace: soon}"):        false,
		workflow("schedule:"):                      false,
		workflow("breaker: {failures: 0}"):         false,
		workflow("breaker: {failures: 1}"):         true,
		workflow("notify: ops"):                    false,
		step("rerun: {}"):                          true,
		step("rerun: {attempts: 10}"):              true,
		step("rerun: {attempts: 11}"):              false,
		step("rerun: {when: [flaky]}"):             true,
		step("rerun: {when: [other]}"):             false,
		step("rerun: {}, repository_dispatch: {}"): false,
		step(""):             false,
		step("restart: {}"):  false,
		step("dispatch: {}"): false,
		step("dispatch: {workflow: b.yml, inputs: " + many(25) + "}"):               true,
		step("dispatch: {workflow: b.yml, inputs: " + many(26) + "}"):               false,
		step("dispatch: {workflow: b.yml, inputs: {n: 3, b: true}}"):                true,
		step("dispatch: {workflow: b.yml, inputs: {n: []}}"):                        false,
		step("dispatch: {workflow: b.yml, inputs: {n: }}"):                          false,
		step("repository_dispatch: {event_type: ''}"):                               false,
		step("repository_dispatch: {event_type: " + strings.Repeat("x", 100) + "}"): true,
		step("repository_dispatch: {event_type: " + strings.Repeat("x", 101) + "}"): false,
		step("run: {host: local, action: x}"):                                       true,
		step("run: {host: local}"):                                                  false,
		step("run: {host: local, action: 'a b'}"):                                   false,
		step("run: {host: local, action: x, timeout: 0}"):                           false,
		step("workflow_at_home: {}"):                                                false,
	} {
		_, findings := config.ParseRepository("x.yml", []byte(text))
		if read := !config.HasErrors(findings); read != good {
			t.Errorf("the reader says %v, want %v: %s\n%v", read, good, text, findings)
		}
		if err := validate(t, s, text); (err == nil) != good {
			t.Errorf("the schema says %v, want %v: %s\n%v", err == nil, good, text, err)
		}
	}
}

func TestSchemaDescribesEveryKey(t *testing.T) {
	for name := range Files {
		data, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Defs map[string]struct {
				Properties map[string]struct {
					Description string `json:"description"`
					Ref         string `json:"$ref"`
				} `json:"properties"`
			} `json:"$defs"`
		}
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		for def, d := range doc.Defs {
			for key, p := range d.Properties {
				if p.Description == "" {
					t.Errorf("%s: %s.%s has no description", name, def, key)
				}
			}
		}
	}
}
