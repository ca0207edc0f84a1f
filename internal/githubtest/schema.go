package githubtest

import "strings"

// object is a JSON object that the double says.
type object = map[string]any

// schemas are the named schemas of a description. They complete the objects that the double builds: a builder names what
// has a meaning, and every other field that GitHub promises is added with an empty value of its type.
type schemas struct {
	named map[string]object
	date  string // what an unknown date-time becomes
	uri   string // what an unknown address becomes
}

func newSchemas(root object) *schemas {
	s := &schemas{named: map[string]object{}, date: "2026-01-01T00:00:00Z", uri: "https://example.com"}
	components, _ := root["components"].(object)
	all, _ := components["schemas"].(object)
	for name, v := range all {
		if o, ok := v.(object); ok {
			s.named[name] = o
		}
	}
	return s
}

// complete returns v with every field that the named schema requires.
func (s *schemas) complete(name string, v object) object {
	out, _ := s.fill(s.named[name], v, 0).(object)
	return out
}

// A schema nests at most this deep before an optional answer is left as it is; GitHub's nest about ten deep.
const maxSchemaDepth = 24

func (s *schemas) fill(schema object, v any, depth int) any {
	schema = s.resolve(schema)
	if schema == nil || depth > maxSchemaDepth {
		return v
	}
	switch v := v.(type) {
	case object:
		s.fillObject(schema, v, depth)
		return v
	case []any:
		items, _ := schema["items"].(object)
		for i := range v {
			v[i] = s.fill(items, v[i], depth+1)
		}
		return v
	}
	return v
}

func (s *schemas) fillObject(schema, v object, depth int) {
	for _, part := range list(schema["allOf"]) {
		s.fillObject(s.resolve(part), v, depth+1)
	}
	if alternatives := append(list(schema["oneOf"]), list(schema["anyOf"])...); len(alternatives) > 0 {
		s.fillObject(s.alternative(alternatives, v), v, depth+1)
	}
	props, _ := schema["properties"].(object)
	for k, p := range props {
		if have, ok := v[k]; ok && have != nil {
			if p, ok := p.(object); ok {
				v[k] = s.fill(p, have, depth+1)
			}
		}
	}
	required, _ := schema["required"].([]any)
	for _, r := range required {
		k, _ := r.(string)
		p, ok := props[k].(object)
		if !ok {
			continue
		}
		if _, have := v[k]; !have {
			v[k] = s.empty(k, p, depth+1)
		}
	}
}

// alternative picks the schema that an object was meant to have: the one that knows most of its fields.
func (s *schemas) alternative(of []object, v object) object {
	var best object
	score := -1
	for _, o := range of {
		r := s.resolve(o)
		props, _ := r["properties"].(object)
		n := 0
		for k := range v {
			if _, ok := props[k]; ok {
				n++
			}
		}
		if n > score {
			best, score = r, n
		}
	}
	return best
}

// empty is the least value that a schema accepts: null where that is allowed, else the empty value of its type.
func (s *schemas) empty(key string, schema object, depth int) any {
	schema = s.resolve(schema)
	if schema == nil || nullable(schema) {
		return nil
	}
	if enum, ok := schema["enum"].([]any); ok && len(enum) > 0 {
		return enum[0]
	}
	for _, k := range []string{"oneOf", "anyOf"} {
		if of := list(schema[k]); len(of) > 0 {
			return s.empty(key, of[0], depth+1)
		}
	}
	switch kind(schema) {
	case "string":
		return s.emptyString(key, schema)
	case "integer", "number":
		return 0
	case "boolean":
		return false
	case "array":
		return []any{}
	}
	o := object{}
	if depth < maxSchemaDepth {
		s.fillObject(schema, o, depth)
	}
	return o
}

func (s *schemas) emptyString(key string, schema object) string {
	switch format, _ := schema["format"].(string); {
	case format == "date-time":
		return s.date
	case format == "uri", strings.HasSuffix(key, "_url") && format == "":
		return s.uri
	case format == "email":
		return "nobody@example.com"
	}
	return ""
}

func (s *schemas) resolve(schema object) object {
	for {
		ref, ok := schema["$ref"].(string)
		if !ok {
			return schema
		}
		schema = s.named[ref[strings.LastIndexByte(ref, '/')+1:]]
	}
}

// nullable reads both ways of saying it: OpenAPI 3.0's keyword and 3.1's list of types.
func nullable(schema object) bool {
	if n, _ := schema["nullable"].(bool); n {
		return true
	}
	types, _ := schema["type"].([]any)
	for _, t := range types {
		if t == "null" {
			return true
		}
	}
	for _, k := range []string{"oneOf", "anyOf"} {
		for _, o := range list(schema[k]) {
			if o["type"] == "null" {
				return true
			}
		}
	}
	return false
}

func kind(schema object) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		k, _ := t[0].(string)
		return k
	}
	return "object"
}

func list(v any) []object {
	raw, _ := v.([]any)
	out := make([]object, 0, len(raw))
	for _, x := range raw {
		if o, ok := x.(object); ok {
			out = append(out, o)
		}
	}
	return out
}
