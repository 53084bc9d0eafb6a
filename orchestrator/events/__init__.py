"""What can happen to a task: facts, frozen, in the past tense, and the commit that makes some true together.

An event's name in the journal is its class name; adding one is adding a class here and an entry in `transitions`.
Field names are final once released: a journal written today is read for ever.
"""

from orchestrator.events.commit import Commit as Commit
from orchestrator.events.conversation import CallSettled as CallSettled
from orchestrator.events.conversation import ChangesUndone as ChangesUndone
from orchestrator.events.conversation import ContextRenewed as ContextRenewed
from orchestrator.events.conversation import DirectoryChanged as DirectoryChanged
from orchestrator.events.conversation import FinishRefused as FinishRefused
from orchestrator.events.conversation import MessageAdded as MessageAdded
from orchestrator.events.conversation import ModelReplied as ModelReplied
from orchestrator.events.conversation import StateRecorded as StateRecorded
from orchestrator.events.conversation import StuckNoticed as StuckNoticed
from orchestrator.events.conversation import SyncAsked as SyncAsked
from orchestrator.events.event import Actor as Actor
from orchestrator.events.event import Event as Event
from orchestrator.events.event import Json as Json
from orchestrator.events.event import Kind as Kind
from orchestrator.events.event import Life as Life
from orchestrator.events.event import Mode as Mode
from orchestrator.events.event import Stage as Stage
from orchestrator.events.event import Status as Status
from orchestrator.events.life import ArchiveBegun as ArchiveBegun
from orchestrator.events.life import ArchiveDone as ArchiveDone
from orchestrator.events.life import ChildObserved as ChildObserved
from orchestrator.events.life import InstructionGiven as InstructionGiven
from orchestrator.events.life import LimitsChanged as LimitsChanged
from orchestrator.events.life import ModeChanged as ModeChanged
from orchestrator.events.life import MoveDone as MoveDone
from orchestrator.events.life import TaskAdopted as TaskAdopted
from orchestrator.events.life import TaskBlocked as TaskBlocked
from orchestrator.events.life import TaskCancelled as TaskCancelled
from orchestrator.events.life import TaskCompleted as TaskCompleted
from orchestrator.events.life import TaskCreated as TaskCreated
from orchestrator.events.life import TaskForked as TaskForked
from orchestrator.events.life import TaskRenamed as TaskRenamed
from orchestrator.events.life import TaskReopened as TaskReopened
from orchestrator.events.life import TaskStopped as TaskStopped
from orchestrator.events.life import WorkerStarted as WorkerStarted
from orchestrator.events.record import BlockerRaised as BlockerRaised
from orchestrator.events.record import BlockerResolved as BlockerResolved
from orchestrator.events.record import DecisionChanged as DecisionChanged
from orchestrator.events.record import DecisionRecorded as DecisionRecorded
from orchestrator.events.record import EditSetAside as EditSetAside
from orchestrator.events.record import ItemAdded as ItemAdded
from orchestrator.events.record import ItemChecked as ItemChecked
from orchestrator.events.record import ItemDropped as ItemDropped
from orchestrator.events.record import ItemReworded as ItemReworded
from orchestrator.events.record import ItemUnchecked as ItemUnchecked
from orchestrator.events.record import NextStepsSet as NextStepsSet
from orchestrator.events.record import PhaseChanged as PhaseChanged
from orchestrator.events.record import ProseWritten as ProseWritten
from orchestrator.events.record import ReferenceAdded as ReferenceAdded
from orchestrator.events.record import ReferenceMoved as ReferenceMoved
from orchestrator.events.record import TextEdited as TextEdited
from orchestrator.events.record import WorkstreamAdded as WorkstreamAdded
from orchestrator.events.record import WorkstreamChanged as WorkstreamChanged
from orchestrator.receipts import UNREAD as UNREAD
from orchestrator.receipts import Delegated as Delegated
from orchestrator.receipts import FileChange as FileChange
from orchestrator.receipts import Frozen as Frozen
from orchestrator.receipts import Intent as Intent
from orchestrator.receipts import Receipt as Receipt
from orchestrator.usage import Limits as Limits
from orchestrator.usage import Usage as Usage
