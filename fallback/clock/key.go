package clock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// TickKey identifies the work of one tick of a schedule for good: whether its
// run never comes, comes late or fails, it is one occurrence with one claim.
// cron is "spec|timezone"; the moment counts in UTC and to the second.
func TickKey(installationID, repoID int64, workflowPath, cron string, tick time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d|%d|%s|%s|%s", installationID, repoID, workflowPath, cron, tick.UTC().Format(time.RFC3339)))
	return hex.EncodeToString(sum[:])
}
