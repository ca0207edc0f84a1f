package handlers

import (
	"context"

	"github.com/redundancy-app/redundancy/commands/comment"
	"github.com/redundancy-app/redundancy/queue"
)

// IssueComment hands new comments that contain a command to the commands'
// worker. Edited comments are ignored: whoever may edit is not whoever wrote.
type IssueComment struct{ *base }

// Handles implements githubapp.EventHandler.
func (*IssueComment) Handles() []string { return []string{"issue_comment"} }

// Handle implements githubapp.EventHandler.
func (h *IssueComment) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(_ context.Context, e *issueCommentEvent) (intent, error) {
		return h.decide(e, deliveryID), nil
	})
}

type issueCommentEvent struct {
	envelope
	Issue struct {
		Number      int       `json:"number"`
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`
	Comment struct {
		ID   int64   `json:"id"`
		Body string  `json:"body"`
		User account `json:"user"`
	} `json:"comment"`
}

func (h *IssueComment) decide(e *issueCommentEvent, deliveryID string) intent {
	if e.Action != "created" {
		return ignore(unknownAction)
	}
	repo, ok := e.repo()
	if !ok || e.Issue.Number <= 0 || e.Comment.ID <= 0 {
		return ignore(unaddressed)
	}
	author := e.Comment.User
	if author.Login == "" || author.isBot() || e.Sender.isBot() {
		return ignore("written by a bot or by a deleted user")
	}
	if !comment.Has(e.Comment.Body) {
		return ignore("no command in it")
	}
	return enqueue(queue.RunCommand{
		Repo: repo, Number: e.Issue.Number, CommentID: e.Comment.ID, Author: author.Login, Body: e.Comment.Body,
		PullHead: e.Issue.PullRequest != nil, DeliveryID: deliveryID,
	}.Item())
}
