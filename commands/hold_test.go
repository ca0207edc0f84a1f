package commands

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/store"
)

func TestPauseAndResume(t *testing.T) {
	for line, want := range map[string]struct {
		target string
		length time.Duration
		resume bool
		says   string
	}{
		"pause":                    {},
		"pause 30m":                {length: 30 * time.Minute},
		"pause 366d":               {length: config.MaxDuration.Std()},
		"pause 367d":               {target: "367d"}, // no duration, so a name; the engine knows no such workflow
		"pause marketing-sync":     {target: "marketing-sync"},
		"pause marketing-sync 1d":  {target: "marketing-sync", length: 24 * time.Hour},
		"pause marketing-sync 90x": {says: "is no duration"},
		"pause 2h 2h":              {target: "2h", length: 2 * time.Hour},
		"pause a 2h b":             {says: "Too many arguments"},
		"resume":                   {resume: true},
		"resume marketing-sync":    {resume: true, target: "marketing-sync"},
		"resume a b":               {says: "Too many arguments"},
	} {
		t.Run(line, func(t *testing.T) {
			r := newRig(t)
			r.engine.answer = fallback.Answer{Accepted: true, Message: "As you wish."}
			cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy "+line)
			r.runs(cmd)
			body := r.reply(cmd.Number).Body
			if want.says != "" {
				if len(r.engine.pauses)+len(r.engine.resumes) != 0 || !strings.Contains(body, want.says) {
					t.Errorf("asked for %v %v, answered %s", r.engine.pauses, r.engine.resumes, body)
				}
				r.wantReactions(cmd, "eyes", "confused")
				return
			}
			var pauses []fallback.PauseRequest
			var resumes []fallback.ResumeRequest
			key := fmt.Sprintf("comment:%d:0", cmd.CommentID)
			if want.resume {
				resumes = []fallback.ResumeRequest{{Repo: r.repo, Target: want.target, Actor: "alice", Key: key}}
			} else {
				pauses = []fallback.PauseRequest{{Repo: r.repo, Target: want.target, For: want.length, Actor: "alice", Key: key}}
			}
			if diff := cmp.Diff(pauses, r.engine.pauses) + cmp.Diff(resumes, r.engine.resumes); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(body, "As you wish.") {
				t.Errorf("answer %s", body)
			}
			r.wantReactions(cmd, "eyes", "rocket")
		})
	}
}

func TestExplainIsAboutThisRepositoryOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		arg     string
		foreign bool
		says    string
		done    bool
	}{
		"its own":               {"1", false, "- It was seen by @\u200bbob.\n- See https://github.com/acme/site/actions/runs/7", true},
		"with a hash":           {"#1", false, "It was seen", true},
		"another repository's":  {"1", true, "There is no incident `1` in this repository.", false},
		"one that there is not": {"2", false, "There is no incident `2` in this repository.", false},
		"no number":             {"x|y", false, "There is no incident", false},
		"a huge number":         {"99999999999999999999", false, "There is no incident", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			repo := r.repo.ID
			if tc.foreign {
				repo++
			}
			err := r.store.Update(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.OpenIncident(ctx, &store.Incident{OccurrenceKey: "k", RepoID: repo, RunURL: "https://github.com/acme/site/actions/runs/7", State: "failing", Ladder: "{}", OpenedAt: 1, UpdatedAt: 1})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			r.engine.story = []string{"It was seen by @bob.", "See https://github.com/acme/site/actions/runs/7"}
			cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy explain "+tc.arg)
			r.runs(cmd)
			body := r.reply(cmd.Number).Body
			if !strings.Contains(body, tc.says) || strings.Contains(body, "@bob") {
				t.Errorf("answer %s, want %s", body, tc.says)
			}
			if tc.done {
				r.wantReactions(cmd, "eyes", "rocket")
			} else {
				r.wantReactions(cmd, "eyes", "confused")
			}
		})
	}
}
