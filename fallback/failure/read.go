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
	// Symptom is the trouble of the infrastructure that shows near the error,
	// nil for none.
	Symptom *Symptom
}

// Read looks through the log of a failed job. A log is one text for all steps
// of a job, and says nowhere whose line it is, so the section of the failed
// step is found by the times at which the lines were printed.
//
// The first error line is the first annotation (##[error]) that says more than
// an exit code; else the first line before it that announces an error; else the
// last one that says anything.
func Read(text []byte, step Section) Report {
	if step.bounded() {
		r := newReader(&step)
		r.read(text)
		if r.lines > 0 {
			return r.report()
		}
	}
	r := newReader(nil) // the log's lines bear no times, or the clocks disagree
	r.read(text)
	return r.report()
}

// near is how many lines before an error can explain it.
const near = 30

// reader goes through a log once and remembers a bounded number of lines: a
// hostile log is millions of them.
type reader struct {
	step *Section // nil: the whole log
	at   time.Time

	lines     int
	annotated string // first annotation that says something
	exit      string // first annotation that does not
	announced string // first line that announces an error, before the annotations
	last      string // last line that is not empty, before the annotations
	recent    [near]string
	symptom   *Symptom
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
		r.at = at
	}
	if r.step != nil && (r.at.IsZero() || !r.step.has(r.at)) {
		return true
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
		return r.annotated == ""
	case strings.HasPrefix(line, "##["):
		// "Run …" heads a step, or a part of one.
		if strings.HasPrefix(line, "##[group]Run ") && r.step == nil && !r.ended() {
			r.announced, r.last, r.recent = "", "", [near]string{}
		}
		return true
	case r.step == nil && (line == "Post job cleanup." || line == "Cleaning up orphan processes"):
		return false
	case r.ended():
		return true
	}
	r.recent[r.lines%near] = line
	r.lines++
	r.last = line
	if r.announced == "" && mistake(line) {
		r.announced = line
	}
	return true
}

func (r *reader) note(note string) {
	if r.symptom == nil {
		r.symptom = symptom(note)
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
	found := Report{Symptom: r.symptom}
	for i := range near { // from the newest line back
		if found.Symptom != nil {
			break
		}
		found.Symptom = symptom(r.recent[((r.lines-1-i)%near+near)%near])
	}
	for _, line := range []string{r.annotated, r.announced, r.last, r.exit} {
		if line != "" {
			found.Line = finish(line)
			break
		}
	}
	return found
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
