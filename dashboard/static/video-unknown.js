// The page of a video of which nothing was heard yet: it opens as soon as something is.
import { follow } from "./live-follow.js";

const id = document.getElementById("awaited").dataset.video;

async function look() {
  const answer = await fetch(`/v1/videos/${encodeURIComponent(id)}`).catch(() => null);
  if (answer?.ok) location.reload();
}

follow((row) => row.video_id === id, look);
