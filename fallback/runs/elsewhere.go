package runs

import (
	"fmt"

	"github.com/redundancy-app/redundancy/queue"
)

// ElsewhereError says that a repository is not where it was last known: a name
// is free again as soon as it is renamed or transferred.
type ElsewhereError struct {
	Repo  queue.Repo // the one that was meant, under the name that was asked for
	Found int64      // id of what is there now; 0: nothing that we can see
}

func (e *ElsewhereError) Error() string {
	if e.Found == 0 {
		return fmt.Sprintf("repository %d is not at %s any more", e.Repo.ID, e.Repo.FullName())
	}
	return fmt.Sprintf("%s is now repository %d, not %d", e.Repo.FullName(), e.Found, e.Repo.ID)
}

// of says whether a run is one of the repository.
func (r *Run) of(repo queue.Repo) error {
	if at := r.GetRepository().GetID(); at != repo.ID {
		return &ElsewhereError{Repo: repo, Found: at}
	}
	return nil
}
