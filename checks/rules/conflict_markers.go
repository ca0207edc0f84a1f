package rules

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/redundancy-app/redundancy/config"
)

// conflictMarkers finds the lines that git leaves for a person to resolve.
// What the YAML parser says about such a file is a consequence and dropped.
func conflictMarkers(src source, found []config.Finding) []config.Finding {
	if !bytes.Contains(src.content, []byte("<<<<<<<")) || !bytes.Contains(src.content, []byte(">>>>>>>")) {
		return found
	}
	var markers []config.Finding
	open := 0
	number := 0
	for line := range bytes.Lines(src.content) {
		number++
		switch {
		case marker(line, '<'):
			open = number
		case open > 0 && marker(line, '>'):
			markers = append(markers, config.Finding{
				Line: open, Column: 1, Rule: "conflict-markers", Severity: config.Error,
				Message: fmt.Sprintf("an unresolved merge conflict was committed here, lines %d to %d", open, number),
				Fix:     `keep one of the two sides and delete the lines that begin with "<<<<<<<", "=======" and ">>>>>>>"`,
			})
			open = 0
		}
	}
	if markers == nil {
		return found
	}
	found = slices.DeleteFunc(found, func(f config.Finding) bool {
		return f.Rule == "syntax-check" && strings.HasPrefix(f.Message, yamlPrefix)
	})
	return append(found, markers...)
}

// marker is true for seven of c at the start of a line, then a space or the end.
func marker(line []byte, c byte) bool {
	line = bytes.TrimRight(line, "\r\n")
	rest, ok := bytes.CutPrefix(line, bytes.Repeat([]byte{c}, 7))
	return ok && (len(rest) == 0 || rest[0] == ' ')
}
