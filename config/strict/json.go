package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ParseJSON reads one JSON document, with the limits of [ParseYAML]. Of a
// repeated key the last one counts, as in JavaScript, and it is no problem: the
// JSON files that are read were written for JavaScript programs.
func ParseJSON(data []byte) (*Node, []Problem) {
	data, problems := checkBytes(data)
	if len(problems) > 0 {
		return nil, problems
	}
	p := &jsonReader{data: data, dec: json.NewDecoder(bytes.NewReader(data)), left: MaxNodes}
	p.dec.UseNumber()
	// Once over the whole text first: the offsets of its errors are reliable,
	// those of a token reader are not.
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, []Problem{p.problem(err)}
	}
	root, err := p.value(0)
	if err != nil {
		return nil, []Problem{p.problem(err)}
	}
	return root, nil
}

type jsonReader struct {
	data []byte
	dec  *json.Decoder
	left int // tokens
	// at is how far place has counted: from the start for each token it would
	// take quadratic time in a file of one line.
	at, lines, runes int
}

var errTooDeep = fmt.Errorf("nested too deep: at most %d levels", MaxDepth)

func (p *jsonReader) problem(err error) Problem {
	offset, rule := p.dec.InputOffset(), RuleLimit
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset, rule = syntax.Offset-1, RuleSyntax // Offset counts the offending byte
		if strings.HasPrefix(syntax.Error(), "unexpected end") {
			offset, err = int64(len(p.data)), errors.New("the file ends in the middle")
		}
	}
	line, col := p.place(max(0, offset))
	return Problem{line, col, rule, "not valid JSON: " + err.Error(), ""}
}

// place counts lines and columns up to offset, which never goes back.
func (p *jsonReader) place(offset int64) (line, column int) {
	for ; p.at < min(int(offset), len(p.data)); p.at++ {
		switch b := p.data[p.at]; {
		case b == '\n':
			p.lines, p.runes = p.lines+1, 0
		case utf8.RuneStart(b):
			p.runes++
		}
	}
	return p.lines + 1, p.runes + 1
}

// next reads a token and the place where it starts.
func (p *jsonReader) next() (json.Token, *Node, error) {
	from := int(p.dec.InputOffset())
	for from < len(p.data) && bytes.IndexByte([]byte(" \t\r\n,:"), p.data[from]) >= 0 {
		from++
	}
	t, err := p.dec.Token()
	if p.left--; err == nil && p.left < 0 {
		err = fmt.Errorf("too many values: at most %d", MaxNodes)
	}
	line, col := p.place(int64(from))
	return t, &Node{Kind: Null, Line: line, Column: col}, err
}

func (p *jsonReader) value(depth int) (*Node, error) {
	t, n, err := p.next()
	if err != nil {
		return nil, err
	}
	switch v := t.(type) {
	case json.Delim:
		if depth >= MaxDepth {
			return nil, errTooDeep
		}
		return n, p.container(n, v, depth)
	case string:
		n.Kind, n.Text = String, v
	case json.Number:
		n.Kind, n.Text = Number, v.String()
	case bool:
		n.Kind, n.Text = Bool, fmt.Sprint(v)
	}
	return n, nil
}

func (p *jsonReader) container(n *Node, open json.Delim, depth int) error {
	n.Kind = Sequence
	if open == '{' {
		n.Kind = Mapping
	}
	for p.dec.More() {
		if n.Kind == Sequence {
			item, err := p.value(depth + 1)
			if err != nil {
				return err
			}
			n.Items = append(n.Items, item)
			continue
		}
		t, key, err := p.next()
		if err != nil {
			return err
		}
		key.Kind, key.Text = String, fmt.Sprint(t)
		value, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.set(Entry{key, value})
	}
	_, err := p.dec.Token()
	return err
}

func (n *Node) set(e Entry) {
	for i := range n.Entries {
		if n.Entries[i].Key.Text == e.Key.Text {
			n.Entries[i] = e
			return
		}
	}
	n.Entries = append(n.Entries, e)
}
