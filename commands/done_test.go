package commands

import (
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/fallback"
)

func TestDoneNamesAnIncident(t *testing.T) {
	for arg, want := range map[string]int64{"7": 7, "#7": 7, "x": 0, "-7": 0, "99999999999999999999": 0} {
		t.Run(arg, func(t *testing.T) {
			r := newRig(t)
			r.engine.answer = fallback.Answer{Accepted: true, IncidentID: 7, Message: "Closed."}
			cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy done "+arg)
			r.runs(cmd)
			asked := r.engine.asked
			if want == 0 {
				if len(asked) != 0 || !strings.Contains(r.reply(cmd.Number).Body, "There is no incident") {
					t.Errorf("asked %+v; answer %s", asked, r.reply(cmd.Number).Body)
				}
				return
			}
			if len(asked) != 1 || !asked[0].Done || asked[0].IncidentID != want || asked[0].Actor != "alice" || asked[0].DeliveryID == "" {
				t.Errorf("asked %+v", asked)
			}
			r.wantReactions(cmd, "eyes", "rocket")
		})
	}
}
