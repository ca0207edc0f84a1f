package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Decode fills out, a pointer to a struct, from n and returns every problem.
// Fields are named by their yaml tag; a field without ",omitempty" must be in
// the file. The jsonschema tag's enum, pattern, minimum, maximum, minLength,
// maxLength, minItems, maxItems and maxProperties are enforced here, so the
// JSON schema that editors use and this reader cannot disagree.
//
// Supported are structs and pointers to them, slices, maps with string keys,
// strings, booleans, integers and encoding.TextUnmarshaler. Only the values of
// a map of strings may be written as a number or boolean: `inputs: {count: 3}`
// is "3".
func Decode(n *Node, out any) []Problem {
	d := &decoder{}
	d.value(n, reflect.ValueOf(out).Elem(), "", nil)
	return d.problems
}

type decoder struct{ problems []Problem }

func (d *decoder) add(n *Node, rule, fix, format string, args ...any) {
	d.problems = append(d.problems, Problem{n.Line, n.Column, rule, fmt.Sprintf(format, args...), fix})
}

// wrong reports a value of the wrong kind.
func (d *decoder) wrong(n *Node, where, want string) {
	if n.Kind == Null {
		d.add(n, RuleType, "", "%s has no value, want %s: give it one or remove the key", where, want)
		return
	}
	got := string(n.Kind)
	if len(n.Items) == 0 && len(n.Entries) == 0 && n.Text != "" {
		got += fmt.Sprintf(" (%.40s)", n.Text)
	}
	fix := ""
	if want == "a string" && n.Text != "" {
		fix = strconv.Quote(n.Text)
	}
	d.add(n, RuleType, fix, "%s must be %s, not %s", where, want, got)
}

func (d *decoder) value(n *Node, v reflect.Value, path string, c constraints) {
	where := path
	if where == "" {
		where = "the file"
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(n, u, where, c)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.value(n, p.Elem(), path, c)
		v.Set(p)
	case reflect.Struct:
		if n.Kind != Mapping {
			d.wrong(n, where, "a mapping with the keys "+strings.Join(keysOf(v.Type()), ", "))
			return
		}
		d.structure(n, v, path)
	case reflect.Map:
		if n.Kind != Mapping {
			d.wrong(n, where, "a mapping")
			return
		}
		d.mapping(n, v, path)
		c.size(d, n, where, len(n.Entries), "Properties", "entries")
	case reflect.Slice:
		if n.Kind != Sequence {
			d.wrong(n, where, "a list")
			return
		}
		s := reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items))
		for i, item := range n.Items {
			d.value(item, s.Index(i), fmt.Sprintf("%s[%d]", path, i), c.ofItems())
		}
		v.Set(s)
		c.size(d, n, where, len(n.Items), "Items", "entries")
	default:
		d.scalar(n, v, where, c)
	}
}

func (d *decoder) text(n *Node, u encoding.TextUnmarshaler, where string, c constraints) {
	if n.Kind != String && n.Kind != Number && n.Kind != Bool {
		d.wrong(n, where, "a string")
		return
	}
	if err := u.UnmarshalText([]byte(n.Text)); err != nil {
		d.add(n, RuleValue, "", "%s: %v", where, err)
		return
	}
	c.text(d, n, where)
}

func (d *decoder) scalar(n *Node, v reflect.Value, where string, c constraints) {
	switch v.Kind() {
	case reflect.String:
		if n.Kind != String {
			d.wrong(n, where, "a string")
			return
		}
		if c.text(d, n, where) {
			v.SetString(n.Text)
		}
	case reflect.Bool:
		if n.Kind != Bool {
			d.wrong(n, where, "true or false")
			return
		}
		v.SetBool(n.Text == "true" || n.Text == "True" || n.Text == "TRUE")
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(n.Text, 10, 64)
		if n.Kind != Number || err != nil {
			d.wrong(n, where, "a whole number")
			return
		}
		if c.number(d, n, where, i) {
			v.SetInt(i)
		}
	default:
		panic("strict: unsupported type " + v.Type().String()) // a mistake in our own structs; every one is decoded by a test
	}
}

func (d *decoder) mapping(n *Node, v reflect.Value, path string) {
	m := reflect.MakeMapWithSize(v.Type(), len(n.Entries))
	for _, e := range n.Entries {
		item := reflect.New(v.Type().Elem()).Elem()
		where, value := path+"."+e.Key.Text, e.Value
		if item.Kind() == reflect.String && (value.Kind == Number || value.Kind == Bool) {
			plain := *value // `inputs: {count: 3}` is "3"
			plain.Kind, value = String, &plain
		}
		d.value(value, item, where, nil)
		m.SetMapIndex(reflect.ValueOf(e.Key.Text).Convert(v.Type().Key()), item)
	}
	v.Set(m)
}

func (d *decoder) structure(n *Node, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	for _, e := range n.Entries {
		f, ok := fields[e.Key.Text]
		if !ok {
			d.unknown(e.Key, keysOf(v.Type()), path)
			continue
		}
		d.value(e.Value, v.Field(f.index), join(path, f.name), f.constraints)
	}
	for _, name := range keysOf(v.Type()) {
		if fields[name].required && !n.Has(name) {
			where := path
			if where == "" {
				where = "the file"
			}
			d.add(n, RuleMissing, "", "%s needs the key %q", where, name)
		}
	}
}

func (d *decoder) unknown(key *Node, accepted []string, path string) {
	in := ""
	if path != "" {
		in = " in " + path
	}
	hint, fix := ";", Nearest(key.Text, accepted)
	if fix != "" {
		hint = fmt.Sprintf(", did you mean %q?", fix)
	}
	d.add(key, RuleUnknown, fix, "unknown key %.60q%s%s accepted: %s", key.Text, in, hint, strings.Join(accepted, ", "))
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
