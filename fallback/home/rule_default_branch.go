package home

import (
	"crypto/sha1" //nolint:gosec // git's name of a blob, not a protection
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

var ruleDefaultBranch = Rule{
	ID: "default-branch", Refuses: "a run of another branch, or a file that is not the one on the default branch",
	Why: "what has not been merged has not been reviewed",
}

func (j *judge) defaultBranch(at place) {
	if !j.in.Run.DefaultBranch {
		j.refuse(&ruleDefaultBranch, at, "the run is not of the default branch")
	}
	switch on := j.in.Run.DefaultBlob; {
	case on == "":
		j.lacks(&ruleDefaultBranch, at, "the file is not known to be on the default branch")
	case !strings.EqualFold(on, blobName(j.in.Data, len(on))):
		j.lacks(&ruleDefaultBranch, at, "the default branch has another version of the file")
	}
}

// blobName is git's name of a blob, in hexadecimal digits.
func blobName(content []byte, digits int) string {
	h := sha1.New() //nolint:gosec // see the import
	if digits == hex.EncodedLen(sha256.Size) {
		h = sha256.New()
	}
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}
