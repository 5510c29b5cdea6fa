"""From a plan to the files of one video in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from attrs import frozen
from av import VideoFrame

from heygen_async.sandbox.plan import Plan
from heygen_async.sandbox.render.artist import Artist, Props
from heygen_async.sandbox.render.brush import Brush, FootageBrush, Patches, StillBrush
from heygen_async.sandbox.render.encode import Film
from heygen_async.sandbox.render.footage import Footage
from heygen_async.sandbox.render.geometry import Box
from heygen_async.sandbox.render.library import Library
from heygen_async.sandbox.render.planes import Patch
from heygen_async.sandbox.render.pose import Pose, pose_at
from heygen_async.sandbox.render.sound import Sound
from heygen_async.sandbox.render.speech.studio import Studio
from heygen_async.sandbox.render.stills import Stills
from heygen_async.sandbox.render.takes import Take, take_cues, takes_of
from heygen_async.sandbox.render.timeline import Track, ass, srt


@frozen(kw_only=True)
class Rendered:
    """What became of a plan: the true length in seconds, and what spoke (None if nothing did)."""

    seconds: float
    voice: str | None


def render(plan: Plan, folder: Path, studio: Studio | None = None) -> Rendered:
    """Write `video.mp4` or `.webm`, `thumbnail.jpg`, `preview.gif`, `captions.srt` and `captions.ass`.

    `captioned.mp4` or `.webm` comes with them if the plan asks for captions.
    """
    library = Library()
    takes = takes_of(plan, studio or Studio(), library)
    cues = list(take_cues(takes))
    (folder / "captions.srt").write_text(srt(cues), encoding="utf-8")
    (folder / "captions.ass").write_text(ass(cues, width=plan.width, height=plan.height), encoding="utf-8")
    frames = sum(take.frames for take in takes)
    stills = Stills(frames=frames, seconds=frames / plan.fps)
    _film(plan, takes, folder, library, stills)
    stills.write(folder)
    voices = dict.fromkeys(voice for take in takes for voice in take.voices)
    return Rendered(seconds=frames / plan.fps, voice=", ".join(voices) or None)


@frozen(eq=False)
class _Reel:
    """One of the files that are filmed side by side, with the frame that it is filmed from."""

    film: Film
    frame: VideoFrame
    captions: bool


def _film(plan: Plan, takes: list[Take], folder: Path, library: Library, stills: Stills) -> None:
    sound = _joined(takes)
    with ExitStack() as open_files:

        def reel(name: str, *, captions: bool) -> _Reel:
            film = open_files.enter_context(Film(folder / f"{name}.{plan.suffix}", plan, sound))
            return _Reel(film, VideoFrame(plan.width, plan.height, film.pixel_format), captions)

        crew = open_files.enter_context(ThreadPoolExecutor(max_workers=1))  # starts a thread at its first task only
        reels = [reel("video", captions=False)]
        if plan.captions:
            reels.append(reel("captioned", captions=True))
        watermark = library.picture(plan.watermark.image) if plan.watermark else None
        for take in takes:
            backdrop = library.picture(take.scene.backdrop.media) if take.scene.backdrop.kind == "image" else None
            _shoot(plan, take, Props(backdrop=backdrop, watermark=watermark), library, reels, stills, crew)


def _shoot(
    plan: Plan,
    take: Take,
    props: Props,
    library: Library,
    reels: list[_Reel],
    stills: Stills,
    crew: ThreadPoolExecutor,
) -> None:
    with ExitStack() as open_clips:
        brushes = list(_brushes(plan, take, props, library, reels, open_clips))
        track = Track.of(take.cues)
        for number in range(take.frames):
            pose: Pose = pose_at(track, number / plan.fps, mouth=take.mouths[number])
            for brush in brushes:
                brush.show(pose, number / plan.fps)
            _expose(reels, crew)
            stills.offer(reels[0].frame)


def _expose(reels: list[_Reel], crew: ThreadPoolExecutor) -> None:
    """Encode the frames as they are now, side by side: encoders leave other threads alone."""
    first, *others = reels
    running = [crew.submit(reel.film.add, reel.frame) for reel in others]
    first.film.add(first.frame)
    for exposed in running:
        exposed.result()


def _brushes(
    plan: Plan, take: Take, props: Props, library: Library, reels: list[_Reel], open_clips: ExitStack
) -> Iterator[Brush]:
    if take.clip_seconds is None:
        artist = Artist(plan, take.scene, props, see_through=plan.alpha)
        base = Patch.of(artist.base(), Box(0, 0, plan.width, plan.height))
        patches = Patches()
        for reel in reels:
            yield StillBrush(artist, base, patches, reel.frame, captions=reel.captions)
        return
    artist = Artist(plan, take.scene, props, see_through=True)
    for reel in reels:
        footage = Footage(
            take.scene.backdrop,
            library,
            size=(plan.width, plan.height),
            clip_seconds=take.clip_seconds,
            scene_seconds=take.seconds,
        )
        yield FootageBrush(artist, open_clips.enter_context(footage), reel.frame, captions=reel.captions)


def _joined(takes: list[Take]) -> Sound:
    sound = takes[0].sound[:0]
    for take in takes:
        sound += take.sound
    return sound
