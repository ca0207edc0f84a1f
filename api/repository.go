package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/store"
)

// fullName splits owner/name.
func fullName(v string) (owner, name string, ok bool) {
	owner, name, ok = strings.Cut(v, "/")
	return owner, name, ok && owner != "" && name != ""
}

// unknownRepository refuses a request about a repository that the App does not
// cover. No list and no verdict: "no incidents" of a misspelt name would be
// taken for good news.
func unknownRepository(w http.ResponseWriter, name string) {
	refuse(w, http.StatusNotFound, fmt.Sprintf(
		"the App is not installed on %.200s: check the spelling, or add the repository to the App's installation on GitHub", name))
}

// covered finds a repository by its name; ok is false when the request has been
// refused.
func (s *server) covered(w http.ResponseWriter, r *http.Request, v string) (repo store.Repository, ok bool) {
	owner, name, ok := fullName(v)
	if !ok {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("repo %.200q: want owner/name", v))
		return repo, false
	}
	repo, ok, err := s.cfg.Repositories.RepositoryByName(r.Context(), owner, name)
	if err != nil {
		s.fail(w, r, err)
		return repo, false
	}
	if !ok || repo.Removed {
		unknownRepository(w, v)
		return repo, false
	}
	return repo, true
}

// incidentsOf narrows a list to a repository: to a covered one under whatever
// names it had, to another one while there are incidents from when it was
// covered. ok is false when the request has been refused.
func (s *server) incidentsOf(w http.ResponseWriter, r *http.Request, v string, f *fallback.Filter) (ok bool) {
	owner, name, ok := fullName(v)
	if !ok {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("repo %.200q: want owner/name", v))
		return false
	}
	repo, known, err := s.cfg.Repositories.RepositoryByName(r.Context(), owner, name)
	if err != nil {
		s.fail(w, r, err)
		return false
	}
	if known {
		f.RepoID = repo.ID
		return true
	}
	old, err := s.cfg.Incidents.Incidents(r.Context(), fallback.Filter{Owner: owner, Name: name, All: true, Limit: 1})
	if err != nil {
		s.fail(w, r, err)
		return false
	}
	if len(old) == 0 {
		unknownRepository(w, v)
		return false
	}
	f.Owner, f.Name = owner, name
	return true
}
