package comment

import (
	"regexp"
	"slices"
	"strings"
)

// ownLine is a line that ends the paragraph before it and is none itself: a
// heading, or what divides or underlines. itemLine begins an item of a list.
var (
	ownLine  = regexp.MustCompile(`^ {0,3}(?:#{1,6}(?:[ \t]|$)|[-_*=][-_*= \t]*$)`)
	itemLine = regexp.MustCompile(`^[ \t]*(?:[-*+]|[0-9]{1,9}[.)])(?:[ \t]|$)`)
)

// block is a run of lines without a blank one, in which inline code may go over
// the ends of lines.
type block struct {
	start, end int // of the lines
	lines      []string
	offsets    []int  // of each line in the masks
	any, both  []bool // by byte: it is code in one reading, in both; nil: nothing is
	html       bool   // a line begins with "<": the block may be HTML, where backticks mean nothing
}

// blockAt reads the block that begins with the line i. There are two readings,
// because where a paragraph ends within a block depends on what stands before
// it: all is one, or every line that looks like an item of a list begins one.
func blockAt(lines []string, i int) block {
	b := block{start: i, end: i + 1}
	for b.end < len(lines) && strings.TrimSpace(lines[b.end]) != "" {
		if m := fenceLine.FindStringSubmatch(lines[b.end]); m != nil && opensFence(m) {
			break
		}
		b.end++
	}
	b.lines = lines[b.start:b.end]
	if !slices.ContainsFunc(b.lines, func(line string) bool { return strings.Contains(line, "`") }) {
		return b
	}
	var fine []bool
	part := 0
	for k, line := range b.lines {
		b.html = b.html || strings.HasPrefix(strings.TrimLeft(line, " \t"), "<")
		if k > part && (ownLine.MatchString(line) || ownLine.MatchString(b.lines[k-1]) || itemLine.MatchString(line)) {
			fine = append(fine, codeSpans(strings.Join(b.lines[part:k], "\n")+"\n")...)
			part = k
		}
	}
	fine = append(fine, codeSpans(strings.Join(b.lines[part:], "\n")+"\n")...)
	coarse := codeSpans(strings.Join(b.lines, "\n") + "\n")
	b.any, b.both = make([]bool, len(coarse)), make([]bool, len(coarse))
	for at := range coarse {
		b.any[at], b.both[at] = coarse[at] || fine[at], coarse[at] && fine[at]
	}
	at := 0
	for _, line := range b.lines {
		b.offsets = append(b.offsets, at)
		at += len(line) + 1
	}
	return b
}

// inCode says whether the line i begins in inline code.
func (b block) inCode(i int) bool { return b.any != nil && b.any[b.offsets[i-b.start]] }

// text is the line i without what is surely inline code: a tag that is shown
// opens nothing.
func (b block) text(i int) string {
	line := []byte(b.lines[i-b.start])
	if b.html || b.both == nil {
		return string(line)
	}
	for at := range line {
		if b.both[b.offsets[i-b.start]+at] {
			line[at] = ' '
		}
	}
	return string(line)
}

// codeSpans marks the bytes of a paragraph that are inline code: from a run of
// backticks to the next one of the same length.
func codeSpans(text string) []bool {
	mask := make([]bool, len(text))
	unclosed := map[int]bool{} // lengths of runs of which no other follows
	for i := 0; i < len(text); {
		n := backticks(text[i:])
		switch {
		case text[i] == '\\':
			i += 2 // what is escaped opens nothing
			continue
		case n == 0:
			i++
			continue
		}
		end := -1
		if !unclosed[n] {
			end = closing(text, i+n, n)
			unclosed[n] = end < 0
		}
		if end < 0 {
			i += n
			continue
		}
		for ; i < end; i++ {
			mask[i] = true
		}
	}
	return mask
}

// closing gives the end of the next run of exactly n backticks, -1 for none.
func closing(text string, from, n int) int {
	for i := from; i < len(text); {
		switch run := backticks(text[i:]); run {
		case n:
			return i + n
		case 0:
			next := strings.IndexByte(text[i:], '`')
			if next < 0 {
				return -1
			}
			i += next
		default:
			i += run
		}
	}
	return -1
}

func backticks(s string) int { return len(s) - len(strings.TrimLeft(s, "`")) }
