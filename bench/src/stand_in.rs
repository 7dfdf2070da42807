//! A minimal server on epoll, one thread: answers at once, or after a planted delay. What the harness is measured against.
