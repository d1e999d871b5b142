"""Wire formats: one pure encoder each over the frames of an answer, and the objects that leave, declared."""
