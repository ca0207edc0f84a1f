package queue

import (
	"fmt"
	"path"
	"strings"
)

// The methods named Item pair arguments with the serialisation key and the
// unique key of their kind. Every producer (webhooks, comments, the API, the
// reconcilers) uses them: two producers with different keys for the same work
// would let it run twice at once.

// Item runs validations of one commit one after the other. A wish to see it
// again is not folded into a wake-up that only asks for any result.
func (a ValidateCommit) Item() Item {
	commit := a.SHA
	if commit == "" {
		commit = a.Ref
	}
	key := fmt.Sprintf("validate:%d:%s", a.Repo.ID, commit)
	unique := key
	if a.Again {
		unique += ":again"
	}
	return Item{Args: a, Options: Options{Key: key, Unique: unique}}
}

// Item folds everything that makes a configuration stale into one reading.
func (a LoadConfig) Item() Item {
	key := fmt.Sprintf("config:%d", a.Repo.ID)
	return Item{Args: a, Options: Options{Key: key, Unique: key}}
}

// Item folds the webhooks of one run.
func (a ObserveRun) Item() Item {
	key := fmt.Sprintf("run:%d:%d", a.Repo.ID, a.RunID)
	return Item{Args: a, Options: Options{Key: key, Unique: key}}
}

// Item folds the looks at one attempt, and may be given a later moment: the
// earliest one wins.
func (a InspectRun) Item() Item {
	key := fmt.Sprintf("inspect:%d:%d:%d", a.Repo.ID, a.RunID, a.Attempt)
	return Item{Args: a, Options: Options{Key: key, Unique: key}}
}

// Item is one look at a workflow at a time.
func (a CheckWorkflow) Item() Item {
	key := fmt.Sprintf("workflow:%d:%s", a.Repo.ID, a.Workflow)
	return Item{Args: a, Options: Options{Key: key, Unique: key}}
}

// Item folds the deliveries of one push.
func (a ExpectRun) Item() Item {
	key := fmt.Sprintf("expect:%d:%s:%s", a.Repo.ID, a.Branch, a.SHA)
	if a.PushedAt != 0 {
		key += fmt.Sprintf(":%d", a.PushedAt)
	}
	return Item{Args: a, Options: Options{Key: key, Unique: key}}
}

// Item runs the wishes about one target in their order. The same delivery
// handled twice asks once.
func (a Recover) Item() Item {
	o := Options{Key: fmt.Sprintf("recover:%d:%s", a.Repo.ID, targetName(a.Target))}
	if a.DeliveryID != "" {
		o.Unique = "recover:" + a.DeliveryID
	}
	return Item{Args: a, Options: o}
}

// Item runs the commands of one thread in their order, each comment once.
func (a RunCommand) Item() Item {
	return Item{Args: a, Options: Options{
		Key:    fmt.Sprintf("thread:%d:%d", a.Repo.ID, a.Number),
		Unique: fmt.Sprintf("command:%d:%d", a.Repo.ID, a.CommentID),
	}}
}

// Item stands in line with the commands of its thread, because both write the
// same comment.
func (a UpdateReply) Item() Item {
	return Item{Args: a, Options: Options{
		Key:    fmt.Sprintf("thread:%d:%d", a.Repo.ID, a.Number),
		Unique: fmt.Sprintf("reply:%d:%d", a.Repo.ID, a.Number),
	}}
}

// Item folds the changes of one installation.
func (a SyncInstallation) Item() Item {
	key := fmt.Sprintf("installation:%d", a.InstallationID)
	return Item{Args: a, Options: Options{Key: key, Unique: key}}
}

// targetName is what "marketing-sync", "Marketing-Sync.yml" and
// ".github/workflows/marketing-sync.yml" have in common.
func targetName(target string) string {
	base := strings.ToLower(path.Base(strings.TrimSpace(target)))
	if base == "." || base == "/" {
		return ""
	}
	base = strings.TrimSuffix(base, ".yaml")
	return strings.TrimSuffix(base, ".yml")
}
