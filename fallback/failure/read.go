package failure

import (
	"bytes"
	"strings"
	"time"
)

// Section is the time within which the failed step ran, by the runner's clock
// and in whole seconds as GitHub tells it. Zero values do not bound it.
type Section struct{ From, To time.Time }

// has says whether a line of the log was printed in the section.
func (s Section) has(at time.Time) bool {
	return (s.From.IsZero() || !at.Before(s.From)) && (s.To.IsZero() || at.Before(s.To.Add(time.Second)))
}

func (s Section) bounded() bool { return !s.From.IsZero() && !s.To.IsZero() && !s.To.Before(s.From) }

// Report is what a log tells.
type Report struct {
	// Line is the first error line, fit to be shown; "" when the log has none.
	Line string
	// Symptom is the trouble of the infrastructure that the error, or one beside
	// it, speaks of; nil for none.
	Symptom *Symptom
}

// Read looks through the log of a failed job. A log is one text for all steps
// of a job, and says nowhere whose line it is, so the section of the failed
// step is found by the times at which the lines were printed. A log whose lines
// bear times, none of them in the section, tells nothing: the lines of the
// step were cut off, and those of another step are not its own.
//
// The first error line is the first annotation (##[error]) that says more than
// an exit code; else the first line before it in which a test says that it
// failed; else the first that announces an error; else the last one that says
// anything.
func Read(text []byte, step Section) Report {
	if step.bounded() {
		r := newReader(&step)
		r.read(text)
		if r.stamped {
			return r.report()
		}
	}
	r := newReader(nil)
	r.read(text)
	return r.report()
}

// near is how many lines on either side of an error can explain it, if they
// are errors themselves.
const near = 30

// reader goes through a log once and remembers a bounded number of lines: a
// hostile log is millions of them.
type reader struct {
	step    *Section // nil: the whole log
	at      time.Time
	stamped bool // some line bears a time
	headed  bool // the section has begun with its own head
	heard
}

// heard is what was found of a step.
type heard struct {
	lines     int
	annotated string // first annotation that says something
	exit      string // first annotation that does not
	verdict   string // first line in which a test says that it failed
	announced string // first line that announces an error, before the annotations
	before    string // the line before that, if it only passes on a failure
	since     int    // lines since announced
	last      string // last line that is not empty, before the annotations
	recent    [near]string
	noted     *Symptom // of an annotation
	beside    *Symptom // of an error shortly after the announced one
}

func newReader(step *Section) *reader { return &reader{step: step} }

// ended says that the step has failed already: what follows is tidying up.
func (r *reader) ended() bool { return r.annotated != "" || r.exit != "" }

func (r *reader) read(text []byte) {
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	for len(text) > 0 {
		// A carriage return alone rewrites a line, as progress bars do.
		line := text
		i := bytes.IndexAny(text, "\r\n")
		if i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		if !r.line(line) {
			return
		}
	}
}

// line takes one line; false ends the reading.
func (r *reader) line(raw []byte) bool {
	at, raw := stamp(raw)
	if !at.IsZero() {
		r.at, r.stamped = at, true
	}
	if r.step != nil && (r.at.IsZero() || !r.step.has(r.at)) {
		return true
	}
	if r.annotated != "" && !r.doubtful() {
		return false
	}
	line := plain(raw)
	if line == "" {
		return true
	}
	note, annotation := strings.CutPrefix(line, "##[error]")
	note = strings.TrimSpace(note)
	switch {
	case annotation && note != "":
		r.lines++
		r.note(note)
		return true
	case strings.HasPrefix(line, "##["):
		return !strings.HasPrefix(line, "##[group]Run ") || r.head()
	case r.step == nil && (line == "Post job cleanup." || line == "Cleaning up orphan processes"):
		return false
	case r.ended():
		return true
	}
	r.say(line)
	return true
}

// doubtful says whether what was read may still be the end of the step before,
// which stops within the second in which this one begins.
func (r *reader) doubtful() bool {
	return r.step != nil && !r.headed && r.at.Before(r.step.From.Add(time.Second))
}

// head takes "##[group]Run …", which heads a step or a part of one; false says
// that it is another step's.
func (r *reader) head() bool {
	switch {
	case r.step == nil && !r.ended():
		r.announced, r.verdict, r.before, r.last, r.beside, r.recent = "", "", "", "", nil, [near]string{}
	case r.step != nil && r.doubtful():
		r.heard = heard{}
	case r.step != nil && r.ended() && !r.at.Before(r.step.To):
		return false
	}
	r.headed = true
	return true
}

// say takes a line that is no annotation.
func (r *reader) say(line string) {
	r.since++
	switch {
	case r.announced == "" && mistake(line):
		r.announced, r.since = line, 0
		if wrappers.MatchString(line) && !passes(r.last) {
			r.before = r.last
		}
	case r.announced != "" && r.beside == nil && r.since < near && fails(line):
		r.beside = symptom(line)
	}
	if r.verdict == "" && verdict(line) {
		r.verdict = line
	}
	r.recent[r.lines%near] = line
	r.lines++
	r.last = line
}

func (r *reader) note(note string) {
	if r.noted == nil && r.annotated == "" && !verdict(note) {
		r.noted = symptom(note)
	}
	switch {
	case exitCode.MatchString(note):
		if r.exit == "" {
			r.exit = note
		}
	case r.annotated == "":
		r.annotated = note
	}
}

func (r *reader) report() Report {
	found := Report{Symptom: r.noted}
	for _, line := range []string{r.annotated, r.verdict, r.announced, r.last, r.exit} {
		if line != "" {
			found.Line = finish(line)
			break
		}
	}
	if found.Symptom == nil && r.verdict == "" && !verdict(r.annotated) {
		found.Symptom = r.beyond()
	}
	return found
}

// beyond is the symptom of the error where no annotation shows one: of the
// line itself, or of errors beside it. What else was printed, the names of
// tests that pass above all, may speak of the network without meaning it.
func (r *reader) beyond() *Symptom {
	switch line := r.announced; {
	case line == "" && r.annotated == "" && !passes(r.last):
		return symptom(r.last)
	case line != "" && r.annotated == "":
		if s := symptom(line); s != nil {
			return s
		}
		if s := symptom(r.before); s != nil {
			return s
		}
		if r.beside != nil {
			return r.beside
		}
	}
	for i := range min(near, r.lines) { // from the newest line back
		if line := r.recent[((r.lines-1-i)%near+near)%near]; fails(line) {
			if s := symptom(line); s != nil {
				return s
			}
		}
	}
	return nil
}

// stamp splits off the time that the runner prints before every line, as in
// "2023-02-09T20:11:49.9484027Z ##[error]…". It is zero when there is none.
func stamp(line []byte) (time.Time, []byte) {
	const shortest, longest = len("2006-01-02T15:04:05Z"), len("2006-01-02T15:04:05.000000000Z")
	i := bytes.IndexByte(line[:min(len(line), longest+1)], ' ')
	if i < 0 {
		i = len(line)
	}
	if i < shortest || i > longest || line[i-1] != 'Z' || line[4] != '-' {
		return time.Time{}, line
	}
	at, err := time.Parse(time.RFC3339Nano, string(line[:i]))
	if err != nil {
		return time.Time{}, line
	}
	return at, line[min(i+1, len(line)):]
}
