/* SPDX-License-Identifier: MIT */
/*
 * tree: what we know of the account, and the one lock T over it (design 3.8). Birth and death of
 * everything below; the structs that the room's modules share.
 *
 * Content of a node, in this order: its draft (a spool file somebody is editing), its record's
 * text, its own text (what an editor moved away, or a record that has gone while it was open).
 *
 * Letters: (I) since birth, (T) under tree.lock, (N) net thread only.
 */
#ifndef TREE_TREE_H
#define TREE_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/blob.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "crm/edit.h"
#include "crm/kinds.h"
#include "crm/view.h"
#include "http/http.h"
#include "store/spool.h"
#include "tree/brake.h"
#include "tree/wait.h"

enum { INO_ROOT = 1, NOTE_LOCKS = 16, REFUSALS_ROOM = 134 };

/* The role of whoever holds tree.lock, for clang's analysis: it compares expressions, and the same
 * lock is reached by many paths (t, coll->tree, rec->coll->tree). Never defined, only named. */
extern struct CAPABILITY("tree.lock") tree_role {
	char unused;
} T;

struct commit;
struct control;
struct help;
struct refusal;
struct vocab;
struct walk;

/* What the kernel may have cached and should forget; called with T held, must only queue. */
struct stale {
	uint64_t ino;	  /* its attributes and pages; 0: none */
	uint64_t dir_ino; /* its entry of that name; 0: none */
	const char *name; /* lent */
};

struct tree_config {			 /* (I) */
	const char *version, *user_name; /* for the status */
	const char *url;		 /* lent: the CRM's address, as a browser takes it */
	uint64_t user_id;
	struct http *http;
	struct spool *spool;
	uint64_t ttl_ns, timeout_ns;
	unsigned page_size, max_deletes;
	bool read_only;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	const char *readme;	 /* lent: what README.md says; NULL: there is none */
	const char *collections; /* "contacts:deals" or NULL */
	enum edit_conflict conflict;
	bool create_labels;
	void (*stale)(void *arg, const struct stale *what);
	void *stale_arg;
};

enum record_state {
	RECORD_UNKNOWN, /* nobody asked the server yet */
	RECORD_PRESENT,
	RECORD_ABSENT, /* the server said 404, or a complete listing lacks it */
};

/* A text that a person may have in an editor, and what the server had at that moment. */
struct version {
	struct list link;
	int64_t updated_at; /* what the text says of itself */
	pid_t process;	    /* whose buffer it is; 0: anybody's, it was served as it is */
	struct text base;   /* as the person last saw or saved it */
	struct text then;   /* the server's text then */
};

/* One record of the server. Refs: its collection's map, nodes, rolls, commits, deletions. */
struct record {
	struct map_entry by_id;	 /* (T) in coll.records, while mapped */
	struct coll *coll;	 /* (I) */
	uint64_t id;		 /* (I) */
	unsigned refs;		 /* (T) */
	bool mapped;		 /* (T) */
	enum record_state state; /* (T) */
	struct text text;	 /* (T) set if and only if PRESENT */
	int64_t updated_at;	 /* (T) */
	uint64_t asked_at;	 /* (T) when the request left that brought what is known */
	uint64_t version;	 /* (T) moves when text does; never 0 once PRESENT */
	struct node *node;	 /* (T) the node at <id>.json, if one lives; not counted */
	bool doubtful;		 /* (T) a save's answer was lost: not fresh until asked again */
	pid_t reader;		 /* (T) thread that opened it last */
	bool served;   /* (T) this text was opened: keep it as a version when it is replaced */
	bool vacated;  /* (T) an editor moved the name away, until vacated_until */
	unsigned away; /* (T) nodes whose origin it is */
	uint64_t vacated_until; /* (T) */
	struct list versions;	/* (T) newest first, bounded */
	uint64_t told_conflict; /* (T) version the person was told of: the next save overrides */
	struct text told_text;	/* (T) the text that was refused then */
	char *told_names;	/* (T) members of that conflict, space-separated; or NULL */
	bool told_gone;	 /* (T) and of its deletion: the next save brings it back from the trash */
	struct via *via; /* (N) of a note: what it is attached to; NULL: not known. Owned */
	bool has_products;	   /* (T) a deal's amount is its products' */
	struct job *fetch;	   /* (T) the GET under way */
	struct wait_point fetched; /* (T) */
	struct job *deletion;	   /* (T) the DELETE under way */
	struct wait_point deleted; /* (T) */
	struct list in_absents;	   /* (T) tree.absents, while ABSENT */
	uint64_t absent_until;	   /* (T) how long that is believed */
};

enum node_type { NODE_ROOT, NODE_DIR, NODE_FILE, NODE_LINK, NODE_CONTROL_DIR, NODE_CONTROL };

/* An inode as the kernel knows it. Dies when lookups and pins are all zero. */
struct node {
	struct map_entry by_ino;       /* (T) */
	uint64_t ino;		       /* (I) */
	enum node_type type;	       /* (I) */
	struct coll *coll;	       /* (T) NULL: the root */
	uint64_t lookups;	       /* (T) the kernel's */
	unsigned pins;		       /* (T) handles, names, drafts, calls */
	struct record *record;	       /* (T) counted; NULL: local */
	struct draft *draft;	       /* (T) counted, and pins the node */
	struct text text;	       /* (T) when it is neither */
	struct local *local;	       /* (T) its local name, if it has one; lent */
	struct refusal *refusal;       /* (T) it is the .error file of; lent */
	const struct control *control; /* (I) it is one of .concordfs/'s (control.h) */
	struct help *help;	       /* (I) it is one of those that explain (help.h) */
	struct record *origin;	   /* (T) counted: the record whose name was moved away to here */
	time_t mtime;		   /* (T) of text */
	unsigned readers, writers; /* (T) open files */
	bool superseded;	   /* (T) its record goes on under another node: open it anew */
	uint64_t seen_version;	   /* (T) the version whose pages the kernel may hold; 0: none */
	char *target; /* (I) NODE_LINK that is no draft: an alias; of a rejected text: its name */
};

/* A local name in a collection. Pins its node. */
struct local {
	struct map_entry by_name; /* (T) in coll.locals */
	struct coll *coll;	  /* (I) */
	struct node *node;	  /* (T) */
	uint64_t alias_of; /* (I) record id, when it is the symlink left by a create; else 0 */
	char name[];	   /* (I) */
};

/* An unfinished or refused text: a spool file. Refs: its node, handles, its commit. */
struct draft {
	struct list link;	/* (T) coll.drafts while attached; tree.dead_drafts at the end */
	struct list unlinked;	/* (T) in tree.unlinked_drafts */
	bool loose;		/* (T) its name is gone: it lives as long as its node is held */
	unsigned refs;		/* (T) */
	uint64_t key;		/* (I) in the spool */
	enum spool_type type;	/* (I) */
	char *target;		/* (I) SPOOL_LINK */
	struct node *node;	/* (T) where it is attached; NULL: detached. Not counted */
	struct record *record;	/* (T) counted: the record it is an edit of */
	struct text base, then; /* (T) what it was begun from */
	int64_t base_time;	/* (T) updated_at of that */
	off_t size;		/* (T) */
	struct timespec mtime;	/* (T) */
	mode_t mode;		/* (T) with S_IFREG; 0: nobody said */
	unsigned users;		/* (T) open handles that wrote or truncated */
	uint64_t writes;	/* (T) counts them */
	uint64_t judged;	/* (T) writes at the last FLUSH or FSYNC */
	bool written;		/* (T) bytes came since it was begun */
	bool dirty;		/* (T) and since the last commit */
	bool unfinished; /* (T) an earlier mount ended before it was known whether it was saved */
	int refused;	 /* (T) how the last commit ended */
	struct refusal *refusal; /* (T) what is said of that; lent */
	int64_t posted;	    /* (T) Unix seconds when `base` was POSTed, and no answer came; 0: no */
	uint64_t posted_at; /* (T) the same by clock.h; 0: by an earlier mount */
	bool kept;	    /* (T) it has a note in the spool */
	bool sure;	    /* (T) which survives a power failure, too */
	bool rejected; /* (T) removed by name though unsaved: its text is set aside, not deleted */
	bool aside;    /* (T) and that was done while it was open: its file has two names */
	char *kept_as; /* (T) rejected: its name there */
	char *words;   /* (T) rejected: what was wrong with it; or NULL */
	struct commit *commit; /* (T) under way */
};

/* All records of a collection at one moment, ascending by id. Immutable: a readdir offset is an
 * index. Refs: the listing, directory handles. */
struct roll {
	unsigned refs;		  /* (T) */
	size_t count;		  /* (I) */
	struct record *records[]; /* (I) counted */
};

struct listing {
	bool complete;	       /* (T) the ids in `ids` are the collection */
	uint64_t checked_at;   /* (T) when the check left that last confirmed it */
	uint64_t old_before;   /* (T) what was asked before then is old, whatever ttl says */
	uint64_t failed_until; /* (T) no new attempt before: the last one failed */
	int failure;	       /* (T) how */
	int64_t mark;	       /* (T) server's time up to which all changes were seen */
	bool suspect;  /* (T) it was walked in more than one request and no trash was read since */
	uint64_t *ids; /* (T) ascending */
	size_t count, room;	   /* (T) */
	unsigned unusable;	   /* (T) items that the server counts and that have no usable id */
	uint64_t requests;	   /* (T) that its walks made */
	struct roll *roll;	   /* (T) of ids; NULL: to be built */
	struct walk *walk;	   /* (T) under way; else NULL */
	struct wait_point arrived; /* (T) */
};

struct coll {
	const struct kind *kind; /* (I) */
	struct tree *tree;	 /* (I) */
	struct node *dir;	 /* (I) pinned */
	bool absent;		 /* (T) the server does not have it (404 on the route) */
	time_t changed;		 /* (T) mtime of the directory, by the server's news */
	struct timespec touched; /* (T) and by ours */
	struct map records;	 /* (T) by id */
	size_t text_count;	 /* (T) how many of these have a text, */
	uint64_t text_bytes;	 /* (T) and the sum of their lengths */
	struct map locals;	 /* (T) by name */
	struct map refusals;	 /* (T) by name */
	struct list drafts;	 /* (T) attached ones */
	struct listing listing;	 /* (T) */
	/* (T) an alias that an editor moved away, so that its successor is an edit and no duplicate */
	char *moved_alias;
	uint64_t moved_alias_of, moved_alias_until;
};

struct tree {
	struct lock lock; /* T */
	/* K: whoever writes a draft's note has the one of its key, and finds out what to write after it
	 * was had. The only locks that are held across the disk; never asked for with T held. */
	struct lock note_locks[NOTE_LOCKS];
	struct tree_config config; /* (I) */
	struct coll *colls;	   /* (I) */
	size_t coll_count;	   /* (I) */
	struct node *root;	   /* (I) pinned */
	struct map inodes;	   /* (T) */
	struct map parked;	   /* (T) waiters by number */
	uint64_t next_local_ino;   /* (T) */
	uint64_t next_version;	   /* (T) */
	struct list absents;	   /* (T) records known to be absent, oldest first; bounded */
	size_t absent_count;	   /* (T) */
	struct brake brake;	   /* (T) */
	uint64_t refusals[REFUSALS_ROOM]; /* (T) so many since the mount, by errno */
	struct vocab *vocab;		  /* (N) what may be chosen from */
	struct node *control_dir;	  /* (I) pinned */
	time_t born;			  /* (I) */
	uint64_t born_at;		  /* (I) clock.h ns */
	struct help *helps;		  /* (I) as colls, and the root's */
	struct list files, dirs;     /* (T) open ones: the kernel may go without closing them */
	struct list unlinked_drafts; /* (T) whose notes draft_sweep removes */
	struct list dead_drafts;     /* (T) whose files draft_sweep removes */
	bool closing;		     /* (T) nobody parks any more */
};

/* NULL: no memory. Unknown collections in config: -EINVAL in *err and a sentence on the log. */
struct tree *tree_new(const struct tree_config *config, int *err);
/* From now on nobody parks; who is parked is settled as the net thread ends its jobs. */
void tree_close(struct tree *t) EXCLUDES(T);
/* After every thread is joined. Asserts itself empty (debug). */
void tree_free(struct tree *t);

void tree_lock(struct tree *t) ACQUIRE(T) EXCLUDES(T);
void tree_unlock(struct tree *t) RELEASE(T);

/* The collection of that name, or NULL. */
struct coll *tree_coll(struct tree *t, const char *name);
void tree_count_refusal(struct tree *t, int err) REQUIRES(T);
void tree_tell_stale(struct tree *t, uint64_t ino, uint64_t dir_ino, const char *name) REQUIRES(T);

#endif
