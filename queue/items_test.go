package queue

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestItemOptions(t *testing.T) {
	repo := Repo{InstallationID: 7, ID: 42, Owner: "acme", Name: "site"}
	for name, tc := range map[string]struct {
		item Item
		want Options
	}{
		"validate":             {ValidateCommit{Repo: repo, SHA: "abc"}.Item(), Options{Key: "validate:42:abc", Unique: "validate:42:abc"}},
		"validate again":       {ValidateCommit{Repo: repo, SHA: "abc", Again: true}.Item(), Options{Key: "validate:42:abc", Unique: "validate:42:abc:again"}},
		"validate a branch":    {ValidateCommit{Repo: repo, Ref: "main"}.Item(), Options{Key: "validate:42:main", Unique: "validate:42:main"}},
		"config":               {LoadConfig{Repo: repo}.Item(), Options{Key: "config:42", Unique: "config:42"}},
		"run":                  {ObserveRun{Repo: repo, RunID: 9}.Item(), Options{Key: "run:42:9", Unique: "run:42:9"}},
		"inspect":              {InspectRun{Repo: repo, RunID: 9, Attempt: 2}.Item(), Options{Key: "inspect:42:9:2", Unique: "inspect:42:9:2"}},
		"expect at a moment":   {ExpectRun{Repo: repo, Branch: "main", SHA: "abc", PushedAt: 1700}.Item(), Options{Key: "expect:42:main:abc:1700", Unique: "expect:42:main:abc:1700"}},
		"expect":               {ExpectRun{Repo: repo, Branch: "main", SHA: "abc"}.Item(), Options{Key: "expect:42:main:abc", Unique: "expect:42:main:abc"}},
		"recover by name":      {Recover{Repo: repo, Target: "Marketing-Sync"}.Item(), Options{Key: "recover:42:marketing-sync"}},
		"recover by path":      {Recover{Repo: repo, Target: ".github/workflows/marketing-sync.yml", DeliveryID: "g"}.Item(), Options{Key: "recover:42:marketing-sync", Unique: "recover:g"}},
		"recover without name": {Recover{Repo: repo}.Item(), Options{Key: "recover:42:"}},
		"command":              {RunCommand{Repo: repo, Number: 3, CommentID: 5}.Item(), Options{Key: "thread:42:3", Unique: "command:42:5"}},
		"reply":                {UpdateReply{Repo: repo, Number: 3}.Item(), Options{Key: "thread:42:3", Unique: "reply:42:3"}},
		"installation":         {SyncInstallation{InstallationID: 7}.Item(), Options{Key: "installation:7", Unique: "installation:7"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.item.Options); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}
