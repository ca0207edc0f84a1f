package queue

import "fmt"

// PauseTarget holds the automatic recovery of a workflow back, or lets it go
// on: a person pressed a button. The fields that it shares with [Recover] have
// the same names there.
type PauseTarget struct {
	Repo       Repo   `json:"repo"`
	Target     string `json:"target"` // workflow file, with or without directory and ending
	Resume     bool   `json:"resume,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Actor      string `json:"actor"`
	Verify     bool   `json:"verify,omitempty"` // the actor's permission is asked for when the job runs
	IncidentID int64  `json:"incident_id,omitempty"`
	DeliveryID string `json:"delivery_id,omitempty"`
}

// Kind implements [Args].
func (PauseTarget) Kind() string { return "target.pause" }

// Item runs the wishes about one target in their order, each delivery once.
func (a PauseTarget) Item() Item {
	o := Options{Key: fmt.Sprintf("pause:%d:%s", a.Repo.ID, targetName(a.Target))}
	if a.DeliveryID != "" {
		o.Unique = "pause:" + a.DeliveryID
	}
	return Item{Args: a, Options: o}
}
