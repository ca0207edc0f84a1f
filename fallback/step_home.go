package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/fallback/home"
)

// preflight says what a preflight on the host would find in the workflow's file,
// as far as the file alone decides it: no host is needed to know what none could
// run. text continues a sentence; a file that cannot be read changes that only.
func (s homeStep) preflight(ctx context.Context, sc *scope) (text string, evidence map[string]any) {
	if sc.inc.Event == "" { // nothing ran, and nothing says what would have
		return "", nil
	}
	data, err := workflowFile(ctx, sc, sc.inc.HeadSHA) // without a run, as it stands on the default branch
	if err != nil || data == nil {
		return "; its file could not be read, to tell whether it could run there", nil
	}
	v := home.Check(home.Input{
		Path: sc.inc.WorkflowPath, Data: data,
		// Incidents are of the default branch of the repository itself.
		Run: home.Run{Event: sc.inc.Event, DefaultBranch: true, SameRepository: true},
	})
	certain := v.Certain()
	if len(certain) == 0 {
		return "; nothing in its file speaks against running it there", nil
	}
	text = "; at home it would be refused: " + certain[0].Message
	if more := len(certain) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text, map[string]any{"host": s.Host, "refused": certain[:min(len(certain), maxRefusals)]}
}

// maxRefusals is how many reasons an incident keeps as evidence.
const maxRefusals = 10
