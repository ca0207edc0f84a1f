package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
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
	p := &jsonReader{data: data, dec: json.NewDecoder(bytes.NewReader(data)), left: MaxNodes, lines: []int{0}}
	for i, b := range data {
		if b == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	p.dec.UseNumber()
	root, err := p.value(0)
	if err == nil {
		if _, more := p.dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("unexpected text after the end of the document")
		}
	}
	if err != nil {
		return nil, []Problem{p.problem(err)}
	}
	return root, nil
}

type jsonReader struct {
	data  []byte
	dec   *json.Decoder
	left  int   // tokens
	lines []int // offsets at which lines start
}

var errTooDeep = fmt.Errorf("nested too deep: at most %d levels", MaxDepth)

func (p *jsonReader) problem(err error) Problem {
	offset := p.dec.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = max(0, syntax.Offset-1) // Offset counts the offending byte
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err, offset = errors.New("the file ends in the middle"), int64(len(p.data))
	}
	line, col := p.place(offset)
	rule := RuleSyntax
	if errors.Is(err, errTooDeep) {
		rule = RuleLimit
	}
	return Problem{line, col, rule, "not valid JSON: " + err.Error(), ""}
}

func (p *jsonReader) place(offset int64) (line, column int) {
	at := min(int(offset), len(p.data))
	line = sort.SearchInts(p.lines, at+1) // lines that start at or before at
	return line, utf8.RuneCount(p.data[p.lines[line-1]:at]) + 1
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
