package store

import "cmp"

// OfDefault says whether a run that was created then on a branch is one of the
// default branch: of the present one, or of the one before if it was created
// while that was the default.
func (r Repository) OfDefault(branch string, created Millis) bool {
	return branch != "" && (branch == r.DefaultBranch || branch == r.FormerBranch && created < r.BranchSince)
}

// TookOver is the branch whose runs, beside those of the incident's own branch,
// show that the incident is over: the default branch, for what happened on the
// one before. "" when there is none.
func (r Repository) TookOver(inc *Incident) string {
	if inc.HeadBranch == r.DefaultBranch || !r.OfDefault(inc.HeadBranch, inc.RunCreatedAt) {
		return ""
	}
	return r.DefaultBranch
}

// Succeeding is r with what follows from the row before it for the former
// default branch. The moment of a change is GitHub's, which its runs have, too;
// a list does not tell it, so that it is then when the list was read.
func (r Repository) Succeeding(before Repository) Repository {
	r.FormerBranch, r.BranchSince = before.FormerBranch, before.BranchSince
	if r.DefaultBranch = cmp.Or(r.DefaultBranch, before.DefaultBranch); before.DefaultBranch != "" && r.DefaultBranch != before.DefaultBranch {
		r.FormerBranch, r.BranchSince = before.DefaultBranch, cmp.Or(r.ChangedAt, r.SeenAt)
	}
	return r
}
