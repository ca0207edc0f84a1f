package fallback

import (
	"context"
	"fmt"

	"github.com/google/go-github/v62/github"
)

// workflowFile is the file of an incident's workflow at a commit; "" is the head
// of the default branch. nil for what is no file, or too large to be one that
// GitHub runs.
func workflowFile(ctx context.Context, sc *scope, sha string) ([]byte, error) {
	file, _, _, err := sc.client.Repositories.GetContents(ctx, sc.repo.Owner, sc.repo.Name, sc.inc.WorkflowPath, &github.RepositoryContentGetOptions{Ref: sha})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", sc.inc.WorkflowPath, err)
	}
	if file == nil || file.GetSize() > maxWorkflowFile {
		return nil, nil
	}
	text, err := file.GetContent()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", sc.inc.WorkflowPath, err)
	}
	return []byte(text), nil
}
