package config

// Severity of a finding.
type Severity string

// Severities, worst first. They are also Check Run annotation levels (error is
// "failure" there).
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Notice  Severity = "notice"
)

// Finding is one thing wrong at one place. It is the unit of
// `redundancy check`, of annotations and of configuration errors.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`   // from 1
	Column   int      `json:"column"` // from 1
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Fix      string   `json:"fix,omitempty"`
}
