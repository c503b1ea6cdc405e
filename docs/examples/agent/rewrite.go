package main

import (
	"context"

	"github.com/AltairaLabs/PromptKit/runtime/hooks"
)

// rewriter puts what an exec hook answers with in place of what it was asked about: an
// exec hook sees a copy, and PromptKit has no answer by which it could change the
// original.
type rewriter struct{ hooks.ProviderHook }

// BeforeCall masks the messages that go to the model.
func (r rewriter) BeforeCall(ctx context.Context, req *hooks.ProviderRequest) hooks.Decision {
	d := r.ProviderHook.BeforeCall(ctx, req)
	masked, ok := masked(d, len(req.Messages))
	if !ok {
		return d
	}
	for i, text := range masked {
		req.Messages[i].Content = text
	}
	return hooks.Allow
}

// AfterCall masks the model's answer.
func (r rewriter) AfterCall(ctx context.Context, req *hooks.ProviderRequest, resp *hooks.ProviderResponse) hooks.Decision {
	d := r.ProviderHook.AfterCall(ctx, req, resp)
	masked, ok := masked(d, 1)
	if !ok {
		return d
	}
	resp.Message.Content = masked[0]
	return d // enforced: PromptKit goes on with the message as it is now
}

// masked are the texts that the hook gave, if it gave as many as there are.
func masked(d hooks.Decision, count int) ([]string, bool) {
	values, ok := d.Metadata["masked"].([]any)
	if !d.Enforced || !ok || len(values) != count {
		return nil, false
	}
	texts := make([]string, len(values))
	for i, v := range values {
		if texts[i], ok = v.(string); !ok {
			return nil, false
		}
	}
	return texts, true
}
