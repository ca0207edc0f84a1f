// Package schema generates the JSON schemas of redundancy.yml and agent.yml
// from the structs that read them, so that an editor complains about what the
// reader would refuse. They are committed; a test fails when they are stale.
package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/redundancy-app/redundancy/config"
)

const (
	self = "github.com/redundancy-app/redundancy/config/internal/schema"
	// Base is where the schemas are published.
	Base = "https://raw.githubusercontent.com/redundancy-app/redundancy/main/config/"
)

// Files are the schemas by file name, in package config's folder.
var Files = map[string]struct {
	Title string
	Value any
}{
	"redundancy.schema.json": {"redundancy.yml: what is watched in a repository and how it is recovered", &config.Repository{}},
	"agent.schema.json":      {"agent.yml: what a host looks after and what may run there", &config.Agent{}},
}

// Generate returns a schema of [Files] as indented JSON. It reads the doc
// comments of package config, so the working directory must be this package's.
func Generate(name string) ([]byte, error) {
	file := Files[name]
	r := &jsonschema.Reflector{Mapper: mapper}
	if err := r.AddGoComments(self, "../..", jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("read comments: %w", err)
	}
	s := r.Reflect(file.Value)
	s.ID, s.Title = jsonschema.ID(Base+name), file.Title
	types := map[string]reflect.Type{}
	collect(reflect.TypeOf(file.Value), types)
	for name, def := range s.Definitions {
		if t, ok := types[name]; ok {
			complete(def, t)
		}
	}
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	return append(out, '\n'), nil
}

// mapper gives the types that are written as text their form.
func mapper(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[config.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: config.DurationPattern, MinLength: new(uint64(2)), Examples: []any{"90s", "15m", "2h30m", "3d"}}
	case reflect.TypeFor[config.Size]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string", Pattern: config.SizePattern}, {Type: "integer", Minimum: "1"}}, Examples: []any{"512MB", "1.5GB"}}
	case reflect.TypeFor[config.Ref]():
		return &jsonschema.Schema{Type: "string", MinLength: new(uint64(1)), Examples: []any{"env:NAME"}}
	}
	return nil
}

// collect finds the structs that a type is made of, by name.
func collect(t reflect.Type, into map[string]reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(t.Elem(), into)
	case reflect.Struct:
		if _, seen := into[t.Name()]; seen {
			return
		}
		into[t.Name()] = t
		for i := range t.NumField() {
			collect(t.Field(i).Type, into)
		}
	}
}

// complete adds what the library leaves out: which keys are required, keywords
// of maps, enums of lists, that a step has exactly one kind, and that values of a map of strings may be
// written without quotes.
func complete(def *jsonschema.Schema, t reflect.Type) {
	def.Description, def.Required = oneLine(def.Description), nil
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		p, ok := def.Properties.Get(name)
		if !ok {
			continue
		}
		p.Description = oneLine(p.Description)
		if !strings.Contains(f.Tag.Get("yaml"), ",omitempty") { // the library does not know omitzero
			def.Required = append(def.Required, name)
		}
		for _, part := range strings.Split(f.Tag.Get("jsonschema"), ",") {
			key, value, _ := strings.Cut(part, "=")
			keyword(p, f.Type.Kind(), key, value)
		}
		if f.Type.Kind() == reflect.Map && f.Type.Elem().Kind() == reflect.String {
			p.AdditionalProperties = &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
		}
	}
	if t == reflect.TypeFor[config.Step]() {
		for pair := def.Properties.Oldest(); pair != nil; pair = pair.Next() {
			def.OneOf = append(def.OneOf, &jsonschema.Schema{Required: []string{pair.Key}})
		}
	}
}

func keyword(p *jsonschema.Schema, kind reflect.Kind, key, value string) {
	switch {
	case kind == reflect.Map && key == "maxProperties":
		p.MaxProperties = number(value)
	case kind == reflect.Slice && key == "enum" && !slices.Contains(p.Items.Enum, any(value)):
		p.Items.Enum = append(p.Items.Enum, value)
	case kind == reflect.Slice && key == "minLength":
		p.Items.MinLength = number(value)
	case kind == reflect.Slice && key == "maxLength":
		p.Items.MaxLength = number(value)
	}
}

func number(s string) *uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic("schema: tag: " + err.Error()) // a mistake in our own structs
	}
	return &n
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
