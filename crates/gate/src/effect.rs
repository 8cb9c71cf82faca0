//! From blocks to paired effects, with the control's part taken out.
