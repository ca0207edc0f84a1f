package queue

import "fmt"

// ReadHistory reads the past runs of one watched workflow of an installation,
// and leaves a job for the next.
type ReadHistory struct {
	InstallationID int64 `json:"installation_id"`
}

// Kind implements [Args].
func (ReadHistory) Kind() string { return "history.read" }

// Item reads one workflow at a time per installation.
func (a ReadHistory) Item() Item {
	key := fmt.Sprintf("history:%d", a.InstallationID)
	return Item{Args: a, Options: Options{Key: key, Unique: key}}
}

// ScanRuns compares the runs that GitHub lists for the repositories of an
// installation with what is on record, and leaves a job for the next time.
type ScanRuns struct {
	InstallationID int64 `json:"installation_id"`
}

// Kind implements [Args].
func (ScanRuns) Kind() string { return "runs.scan" }

// Item scans one repository at a time per installation.
func (a ScanRuns) Item() Item {
	key := fmt.Sprintf("scan:%d", a.InstallationID)
	return Item{Args: a, Options: Options{Key: key, Unique: key}}
}
