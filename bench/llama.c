// What llama.cpp makes of a GGUF file; bench/interop.sh builds and runs this.
//
//   llama MODEL greedy N ID...  the N tokens that it finds likeliest after these, one after the other
//   llama MODEL logits ID...    the logits after these
//   llama MODEL tokens          of each text on standard input (its bytes as a number, a line feed, the bytes), a line of tokens without
//                               and a line with those that begin and end a text
#include "llama.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TOKENS = 4096, MOST_TEXT = 1 << 20 };

static void errors_only(enum ggml_log_level level, const char *text, void *nobody) {
  (void)nobody;
  if (level >= GGML_LOG_LEVEL_ERROR) {
    fputs(text, stderr);
  }
}

static int fail(const char *what) {
  fprintf(stderr, "bench/llama.c: %s\n", what);
  return 1;
}

static int tokens(const struct llama_vocab *vocab) {
  char *text = malloc(MOST_TEXT);
  llama_token *ids = malloc(MOST_TOKENS * sizeof *ids);
  int size;
  while (text && ids && scanf("%d", &size) == 1) {
    if (getchar() != '\n' || size < 0 || size > MOST_TEXT || fread(text, 1, size, stdin) != (size_t)size) {
      return fail("a text is not as long as its number says, or too long");
    }
    for (int special = 0; special < 2; special++) {
      int count = llama_tokenize(vocab, text, size, ids, MOST_TOKENS, special, true);
      if (count < 0) {
        return fail("a text has too many tokens");
      }
      for (int i = 0; i < count; i++) {
        printf("%d ", ids[i]);
      }
      printf("\n");
    }
  }
  free(text);
  free(ids);
  return 0;
}

// Takes the tokens in, and gives the logits after the last.
static const float *logits_after(struct llama_context *context, llama_token *ids, int count) {
  return llama_decode(context, llama_batch_get_one(ids, count)) ? NULL : llama_get_logits_ith(context, -1);
}

static int compute(struct llama_model *model, int vocabulary, int more, int count, char **texts) {
  struct llama_context_params params = llama_context_default_params();
  params.n_ctx = 512;
  params.n_threads = params.n_threads_batch = 2;
  params.type_k = params.type_v = GGML_TYPE_F32;
  struct llama_context *context = llama_init_from_model(model, params);
  llama_token ids[512];
  if (!context || count < 1 || count + more > 512) {
    return fail("no context, or no tokens, or too many");
  }
  for (int i = 0; i < count; i++) {
    ids[i] = atoi(texts[i]);
  }
  const float *logits = logits_after(context, ids, count);
  if (logits && more == 0) {
    for (int i = 0; i < vocabulary; i++) {
      printf("%.9g ", logits[i]);
    }
  }
  for (int i = 0; logits && i < more; i++) {
    int best = 0;
    for (int id = 1; id < vocabulary; id++) {
      best = logits[id] > logits[best] ? id : best;
    }
    printf("%d ", best);
    ids[0] = best;
    logits = i + 1 < more ? logits_after(context, ids, 1) : logits;
  }
  printf("\n");
  llama_free(context);
  return logits ? 0 : fail("cannot compute with this file");
}

int main(int count, char **arguments) {
  if (count < 3) {
    return fail("want MODEL and greedy, logits or tokens");
  }
  const char *what = arguments[2];
  llama_log_set(errors_only, NULL);
  struct llama_model_params params = llama_model_default_params();
  params.vocab_only = strcmp(what, "tokens") == 0;
  struct llama_model *model = llama_model_load_from_file(arguments[1], params);
  if (!model) {
    return fail("cannot load this file");
  }
  const struct llama_vocab *vocab = llama_model_get_vocab(model);
  int vocabulary = llama_vocab_n_tokens(vocab);
  int status = 1;
  if (params.vocab_only) {
    status = tokens(vocab);
  } else if (strcmp(what, "greedy") == 0 && count > 4) {
    status = compute(model, vocabulary, atoi(arguments[3]), count - 4, arguments + 4);
  } else if (strcmp(what, "logits") == 0) {
    status = compute(model, vocabulary, 0, count - 3, arguments + 3);
  }
  llama_model_free(model);
  return status;
}
