package home

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

var ruleApproval = Rule{
	ID: "approval", Refuses: "a file whose SHA-256 the host's owner has not approved",
	Why: "the host decides what may run on it; who may push may not",
}

func (j *judge) approval(at place) {
	sum := sha256.Sum256(j.in.Data)
	switch approved := j.in.Run.Approved; {
	case approved == "":
		j.lacks(&ruleApproval, at, "the host's owner has not approved the file")
	case !strings.EqualFold(approved, hex.EncodeToString(sum[:])):
		j.lacks(&ruleApproval, at, "the host's owner has approved another version of the file")
	}
}
